package kerneltest

import (
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/check"
	"github.com/unnoise/unnoise/kernels/cpu"
)

// Benchmark times the default CPU variant of an operator on two workers, on operands made as for a case.
func Benchmark(b *testing.B, name string, op kernels.Operator, in ...kernels.Input) {
	b.Helper()
	b.Run(op.Name()+"/"+name, func(b *testing.B) {
		c, err := check.Operands(kernels.Case{Name: name, Op: op, In: in}, check.Single, false)
		if err != nil {
			b.Fatal(err)
		}
		p := kernels.Props{Backend: "cpu", Workers: 2}
		v, err := kernels.Choose(c, p, kernels.Selection{})
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
