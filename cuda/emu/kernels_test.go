package emu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

const kernelFolder = "testdata/kernels"

// kernel returns a device and a kernel of a test file.
func kernel(tb testing.TB, file, name string) (*emutest.Device, cuda.Function) {
	tb.Helper()
	d := emutest.Open(tb)
	return d, d.Function(emutest.KernelPath(kernelFolder, file), name)
}

// random returns the same numbers in every run; the seed is the test's own.
func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x9E3779B97F4A7C15)) }

// make1 fills a slice.
func make1[T any](n int, f func(i int) T) []T {
	s := make([]T, n)
	for i := range s {
		s[i] = f(i)
	}
	return s
}

// normals are n float32 near a normal distribution with the given scale.
func normals(r *rand.Rand, n int, scale float64) []float32 {
	return make1(n, func(int) float32 { return float32(r.NormFloat64() * scale) })
}

// anyFloat32 is a random bit pattern, often a special one.
func anyFloat32(r *rand.Rand) float32 {
	specials := []uint32{0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 1, 0x80000001, 0x007fffff, 0x00800000, 0x7f7fffff, 0xff7fffff, 0x3f800000, 0xbf800000}
	switch r.IntN(4) {
	case 0:
		return math.Float32frombits(specials[r.IntN(len(specials))])
	case 1:
		return math.Float32frombits(r.Uint32())
	}
	return float32(math.Ldexp(r.Float64()*2-1, r.IntN(24)-12))
}

func TestManifest(t *testing.T) {
	sources, err := filepath.Glob(filepath.Join(kernelFolder, "*.cu"))
	if err != nil {
		t.Fatal(err)
	}
	if len(sources) < 25 {
		t.Errorf("%d kernel files, want at least 25", len(sources))
	}
	emutest.CheckManifest(t, "../..", kernelFolder, sources)
}

// TestEveryKernelFileLoads loads every file of the manifest.
func TestEveryKernelFileLoads(t *testing.T) {
	lines, err := emutest.ReadManifest(kernelFolder)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		t.Run(l.PTX, func(t *testing.T) { emutest.Open(t).Module(emutest.KernelPath(kernelFolder, l.PTX)) })
	}
}

// sizes are element counts around the edges of warps and blocks.
var sizes = []int{1, 31, 32, 33, 255, 256, 257, 1000}

func forSizes(t *testing.T, f func(t *testing.T, n int)) {
	for _, n := range sizes {
		t.Run(fmt.Sprintf("n=%d", n), func(t *testing.T) { f(t, n) })
	}
}
