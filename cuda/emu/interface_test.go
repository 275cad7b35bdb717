package emu_test

import (
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/cudatest"
	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

func TestInterface(t *testing.T) {
	for _, profile := range []string{"a100", "h100", "rtx4090"} {
		t.Run(profile, func(t *testing.T) {
			cudatest.Run(t, func() (cuda.Device, error) { return emu.Open(profile) })
		})
	}
}

// TestStreamsAreLazy: queued work runs when something waits for it and not before, so that a missing wait shows.
func TestStreamsAreLazy(t *testing.T) {
	d := emutest.Open(t)
	s, err := d.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	y := emutest.InOut(d, "y", []uint32{1, 2, 3, 4})
	if err := s.Memset(y.Ptr(), 0, 16); err != nil {
		t.Fatal(err)
	}
	emutest.Equal(t, "before the synchronisation", y.Get(), []uint32{1, 2, 3, 4})
	if done, err := s.Query(); done || err != nil {
		t.Errorf("queued work: done is %v, error %v", done, err)
	}
	if err := s.Synchronize(); err != nil {
		t.Fatal(err)
	}
	emutest.Equal(t, "after the synchronisation", y.Get(), []uint32{0, 0, 0, 0})
}

func TestOpen(t *testing.T) {
	d, err := cuda.Open("emu:rtx4090")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if p := d.Props(); p.ID != "emu:rtx4090" || p.SM() != 89 || p.SMs != 128 || !p.Emulated {
		t.Errorf("properties %+v", p)
	}
	if _, err := cuda.Open("emu:voodoo"); err == nil {
		t.Error("an unknown profile was opened")
	}
}
