package attention

import (
	"strings"
	"testing"

	"github.com/unnoise/unnoise/kernels"
)

func deviceCall(dtype kernels.DType, h, w, c, heads int) *kernels.Call {
	o := func() *kernels.Operand {
		return &kernels.Operand{Spec: kernels.Dense(dtype, 1, h, w, c), Name: "x", Addr: 256}
	}
	lse := &kernels.Operand{Spec: kernels.Dense(kernels.F32, 1, 1, heads, h*w), Addr: 256}
	return &kernels.Call{Op: Attention{Heads: heads}, In: []*kernels.Operand{o(), o(), o()}, Out: []*kernels.Operand{o(), lse}}
}

// TestUnsupported: what the device refuses, and what to do instead.
func TestUnsupported(t *testing.T) {
	a100 := kernels.Props{Backend: "cuda", SMs: 108, Shared: 163 << 10}
	for _, tc := range []struct {
		call *kernels.Call
		want string // empty: supported
	}{
		{deviceCall(kernels.BF16, 32, 32, 256, 1), ""},
		{deviceCall(kernels.BF16, 33, 32, 256, 1), "1056 queries and 1056 keys an image, at most 1024 run on a device: put attention at a smaller resolution"},
		{deviceCall(kernels.BF16, 4, 4, 512, 1), "heads of 512 channels, at most 256 run on a device: use more heads"},
		{deviceCall(kernels.BF16, 4, 4, 36, 3), "variant 2 takes them"},
		{deviceCall(kernels.F32, 4, 4, 36, 3), ""},
	} {
		err := supports(tc.call, a100, chunked, attentionShared)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: error %v, expected one with %q", tc.call.In[0].Spec, err, tc.want)
		}
	}
}

// TestShared: every head size runs forward and backward where a block has 99 KiB of shared memory, the least of the supported
// machines, by one of the variants.
func TestShared(t *testing.T) {
	const least = 99 << 10
	for _, dtype := range []kernels.DType{kernels.F32, kernels.BF16} {
		for _, width := range []int{8, 16, 32, 40, 64, 96, 128, 160, 256} {
			call := deviceCall(dtype, 4, 4, width, 1)
			for name, shared := range map[string]func(shape) int{"attention": attentionShared, "attention_grad": attentionGradShared} {
				best := min(shared(shapeOf(call, chunked)), shared(shapeOf(call, anyPitch)))
				if best > least {
					t.Errorf("%s in %s, heads of %d: %d bytes of shared memory", name, dtype, width, best)
				}
			}
		}
	}
}
