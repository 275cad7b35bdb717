package attention

import (
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/check"
	"github.com/unnoise/unnoise/kernels/cpu"
)

// run times the default CPU variant of a case on two workers.
func run(b *testing.B, name string, op kernels.Operator, in ...kernels.Input) {
	b.Run(op.Name()+"/"+name, func(b *testing.B) {
		c, err := check.Operands(kernels.Case{Name: name, Op: op, In: in}, check.Single, false)
		if err != nil {
			b.Fatal(err)
		}
		p := kernels.Props{Backend: "cpu", Workers: 2}
		v, err := kernels.Choose(c, p)
		if err != nil {
			b.Fatal(err)
		}
		c.Workspace = make([]float32, (v.Kernel.Workspace(c, p)+3)/4)
		q := cpu.NewQueue(p.Workers)
		for b.Loop() {
			if err := v.Kernel.Run(q, c); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkAttention has the layers of the fashion-mnist and cifar10-small networks, with q, k and v in one packed buffer.
func BenchmarkAttention(b *testing.B) {
	for _, s := range []struct {
		name              string
		n, h, w, c, heads int
	}{
		{"64x7x7x128 heads 1", 64, 7, 7, 128, 1},
		{"64x7x7x128 heads 16", 64, 7, 7, 128, 16},
		{"64x16x16x128 heads 1", 64, 16, 16, 128, 1},
		{"64x16x16x128 heads 16", 64, 16, 16, 128, 16},
	} {
		x := kernels.RandnPitch(s.n, s.h, s.w, s.c, 3*s.c)
		o := kernels.Randn(s.n, s.h, s.w, s.c)
		op := Attention{Heads: s.heads}
		run(b, s.name, op, x, x, x)
		run(b, s.name, AttentionGrad(op), x, x, x, o, kernels.RandUniform(5, 6, s.n, 1, s.heads, s.h*s.w), o)
	}
}
