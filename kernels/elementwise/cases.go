package elementwise

import "github.com/unnoise/unnoise/kernels"

// layouts are cases of an operator with inputs of one shape that take devices through their ways to cut tensors: rows that end
// within a vector, rows longer than a block, more rows than a block, pitches that allow no vectors.
func layouts(op kernels.Operator, prefix string, inputs int) []kernels.Case {
	of := func(name string, outPad, n, h, w, c, pitch int) kernels.Case {
		cs := kernels.Case{Name: prefix + name, Op: op, NoGrad: true, OutPad: outPad}
		for range inputs {
			cs.In = append(cs.In, noGrad(kernels.RandnPitch(n, h, w, c, pitch)))
		}
		return cs
	}
	return []kernels.Case{
		of("rows that end within a vector", 0, 2, 3, 7, 19, 40),
		of("rows longer than a block", 0, 1, 1, 3, 2100, 2120),
		of("more rows than a block", 0, 2, 20, 9, 8, 16),
		of("slice of odd pitch", 5, 2, 9, 15, 16, 24),
		of("memory without pads", 0, 3, 17, 13, 24, 24),
	}
}
