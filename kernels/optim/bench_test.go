package optim

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

// BenchmarkOptim has two million parameters, about those of the fashion-mnist network.
func BenchmarkOptim(b *testing.B) {
	const count = 2 << 20
	x := flat(count)
	run(b, "2M", GlobalNorm{}, x)
	run(b, "2M", AdamW{DecayElements: count - 5000}, x, x, kernels.RandUniform(0, 1, 1, 1, 1, count), x, x, scalar(1, 2), flagOf(FlagGood))
}
