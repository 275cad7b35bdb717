package cli

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/driver"
)

// probeCUDA tells whether the first GPU can be used, by opening it, which compiles and runs a small kernel; why is one line about what was
// found. A program without the driver interface, or a machine without the driver's library, answers at once.
func probeCUDA() (ok bool, why string) {
	s := driver.Inspect()
	if s.Err != nil && len(s.Devices) == 0 {
		return false, s.Err.Error()
	}
	d, err := cuda.Open("cuda:0")
	if err != nil {
		return false, err.Error()
	}
	p := d.Props()
	if err := d.Close(); err != nil {
		return false, err.Error()
	}
	return true, p.ID + " is a " + p.Name + ", and a test kernel ran on it"
}
