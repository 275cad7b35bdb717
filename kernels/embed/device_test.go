package embed

import (
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestLookupOutsideTableOnDevice: labels that the table does not have give NaN, as in the reference, and read nothing.
func TestLookupOutsideTableOnDevice(t *testing.T) {
	for _, labels := range [][2]int{{-4, 0}, {7, 9}, {-2, 9}, {1<<31 - 1, 1 << 31}} {
		cs := kernels.Case{Name: "labels", Op: Lookup{}, In: []kernels.Input{kernels.RandInts(labels[0], labels[1], 9, 1, 1, 1), kernels.Randn(7, 1, 1, 35)}}
		half, _ := cs.InBF16()
		kerneltest.VerifyDevice(t, cs, half)
	}
}

// TestFourierOfBadTimes: logarithms of zero and of negative times are infinite or NaN, and so is the phase.
func TestFourierOfBadTimes(t *testing.T) {
	w := kernels.RandUniform(-30, 30, 1, 1, 1, 5)
	kerneltest.VerifyDevice(t,
		kernels.Case{Name: "negative", Op: Fourier{Log: true}, In: []kernels.Input{kernels.RandInts(-3, 0, 3, 1, 1, 1), w}},
		kernels.Case{Name: "zero", Op: Fourier{Log: true}, In: []kernels.Input{kernels.RandInts(0, 1, 2, 1, 1, 1), w}})
}
