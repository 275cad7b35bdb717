//go:build cuda && cgo

package driver

import (
	"fmt"
	"os"
	"strings"
)

// release is a CUDA version with the oldest driver branch for Linux that serves it, and the PTX version that came with it (PTX
// ISA, release history; CUDA toolkit release notes, driver versions).
type release struct{ ptx, cuda, driver int }

var releases = []release{
	{70, 110, 450}, {71, 111, 455}, {72, 112, 460}, {73, 113, 465}, {74, 114, 470}, {75, 115, 495}, {76, 116, 510}, {77, 117, 515},
	{78, 118, 520}, {80, 120, 525}, {81, 121, 530}, {82, 122, 535}, {83, 123, 545}, {84, 124, 550}, {85, 125, 555}, {86, 127, 565},
	{87, 128, 570}, {88, 129, 575}, {90, 130, 580},
}

// cudaVersion is the text of a number of cuDriverGetVersion: 12040 is "12.4".
func cudaVersion(n int) string { return fmt.Sprintf("%d.%d", n/1000, n%1000/10) }

// newestPTX is the newest known PTX version, 10*major + minor, that a driver of that CUDA version compiles; 0 if unknown.
func newestPTX(version int) int {
	best := 0
	for _, r := range releases {
		if r.cuda <= version/100+version%100/10 {
			best = r.ptx
		}
	}
	return best
}

// neededFor says which driver a PTX version needs.
func neededFor(ptx int) string {
	for _, r := range releases {
		if r.ptx >= ptx {
			return fmt.Sprintf("PTX %d.%d needs driver %d or newer (CUDA %d.%d)", ptx/10, ptx%10, r.driver, r.cuda/10, r.cuda%10)
		}
	}
	return fmt.Sprintf("PTX %d.%d needs a driver newer than any this program knows", ptx/10, ptx%10)
}

// kernelModule is the version of the loaded kernel module, empty where the system does not say.
func kernelModule() string {
	b, err := os.ReadFile("/sys/module/nvidia/version")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
