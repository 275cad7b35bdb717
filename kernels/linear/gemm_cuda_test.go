package linear

import (
	"strings"
	"testing"

	"github.com/unnoise/unnoise/kernels"
)

// TestPlan: tiles and parts of products that networks have, on a machine of 132 multiprocessors.
func TestPlan(t *testing.T) {
	props := kernels.Props{Backend: "cuda", SMs: 132, Shared: 227 << 10}
	operand := func(rows, c int) *kernels.Operand {
		return &kernels.Operand{Spec: kernels.Dense(kernels.BF16, rows, 1, 1, c), Addr: 256}
	}
	for _, tc := range []struct {
		name       string
		m, n, k    int
		size, most int // tile, parts at most
	}{
		{"qkv of 128 images of 16x16", 32768, 768, 256, 128, 1},
		{"its weight gradient", 768, 256, 32768, 128, 22},
		{"all time projections of a batch of 128", 128, 4992, 512, 128, 1},
		{"one time projection of a batch of 128", 128, 512, 512, 32, 1},
		{"their input gradient", 128, 512, 4992, 64, 16},
		{"one time projection of one image", 1, 512, 128, 32, 1},
	} {
		p := product{m: tc.m, n: tc.n, k: tc.k, batch: 1, a: operand(tc.m, tc.k), b: operand(tc.k, tc.n), out: operand(tc.m, tc.n)}
		plan := p.plan(byShape, props)
		if plan.size > tc.size || plan.parts > tc.most || plan.parts*plan.partK < tc.k || (plan.parts-1)*plan.partK >= tc.k {
			t.Errorf("%s: tiles of %d, %d parts of %d; expected tiles of at most %d, at most %d parts, all of %d covered once",
				tc.name, plan.size, plan.parts, plan.partK, tc.size, tc.most, tc.k)
		}
		t.Logf("%s: %d tiles of %d, %d parts of %d", tc.name, plan.blocks, plan.size, plan.parts, plan.partK)
	}
}

// TestUnsupported: what the variants of the core refuse, and what they say.
func TestUnsupported(t *testing.T) {
	props := kernels.Props{Backend: "cuda", SMs: 132, Shared: 227 << 10}
	s := kernels.Spec{DType: kernels.F32, N: 3, H: 1, W: 1, C: 5, Pitch: 7}
	o := &kernels.Operand{Spec: s, Name: "x", Addr: 256}
	p := product{m: 3, n: 5, k: 5, batch: 1, a: o, b: o, out: o}
	small, many := props, p
	small.Shared = 48 << 10
	many.batch = 70000
	for _, tc := range []struct {
		p       product
		variant int
		props   kernels.Props
		want    string
	}{
		{p, byShape, props, "16-byte chunks: variant 5 takes them"},
		{p, anyPitch, small, "tiles of 64 take 65536 bytes of shared memory, a block has 49152"},
		{many, anyPitch, props, "70000 matrices, at most 65535"},
	} {
		if err := tc.p.supports(tc.variant, tc.props); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("error %v, expected one with %q", err, tc.want)
		}
	}
	if err := p.supports(anyPitch, props); err != nil {
		t.Error(err)
	}
}
