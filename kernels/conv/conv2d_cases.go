package conv

import "github.com/unnoise/unnoise/kernels"

// shape is a case of the three convolution operators.
type shape struct {
	name                  string
	g                     Geometry
	n, h, w, ci, co       int
	pitch, residualPitch  int // of x and y, of the residual; 0 is dense, and that of y
	bias, image, residual bool
	f32                   bool // y is f32 in bf16 mode, too
	wide                  bool // too big for finite differences
	stats                 bool // with the statistics of channels
}

func shapes() []shape {
	same := Same(3)
	up := same
	up.Upsample2x = true
	circular := Same(3)
	circular.Circular = true
	upCircular := Geometry{KH: 3, KW: 5, PadTop: 2, PadLeft: 1, PadRight: 3, Circular: true, Upsample2x: true}
	return []shape{
		{name: "3x3", g: same, n: 2, h: 3, w: 5, ci: 16, co: 24, bias: true},
		{name: "3x3 all operands", g: same, n: 3, h: 6, w: 4, ci: 8, co: 12, bias: true, image: true, residual: true},
		{name: "3x3 pitched", g: same, n: 2, h: 4, w: 4, ci: 16, co: 16, pitch: 40, bias: true, residual: true},
		{name: "1x1", g: Same(1), n: 2, h: 3, w: 5, ci: 24, co: 8, bias: true},
		{name: "1x1 pitched no bias", g: Same(1), n: 1, h: 4, w: 4, ci: 5, co: 7, pitch: 16},
		{name: "one pixel", g: same, n: 1, h: 1, w: 1, ci: 3, co: 5, bias: true},
		{name: "three channels in", g: same, n: 2, h: 4, w: 8, ci: 3, co: 32, bias: true},
		{name: "one channel out", g: same, n: 2, h: 4, w: 5, ci: 32, co: 1, bias: true},
		{name: "prediction", g: same, n: 2, h: 4, w: 4, ci: 16, co: 3, bias: true, residual: true, f32: true},
		{name: "3x3 two tiles and splits", g: same, n: 1, h: 9, w: 8, ci: 32, co: 72, bias: true, image: true, residual: true},
		{name: "3x3 wide prediction", g: same, n: 2, h: 3, w: 3, ci: 32, co: 20, bias: true, image: true, residual: true, f32: true},
		{name: "1x1 over full tiles", g: Same(1), n: 1, h: 10, w: 14, ci: 136, co: 136, bias: true, residual: true, wide: true},
		{name: "odd operands in splits", g: same, n: 3, h: 5, w: 3, ci: 32, co: 13, pitch: 40, bias: true, image: true, residual: true},
		{name: "prediction of vectors", g: same, n: 3, h: 6, w: 6, ci: 8, co: 8, bias: true, image: true, residual: true, f32: true},
		{name: "odd prediction in splits", g: same, n: 2, h: 3, w: 2, ci: 32, co: 5, bias: true, image: true, residual: true, f32: true},
		{name: "odd operands of one split", g: same, n: 2, h: 3, w: 5, ci: 8, co: 13, bias: true, image: true, residual: true},
		{name: "odd prediction", g: same, n: 2, h: 3, w: 3, ci: 8, co: 7, bias: true, image: true, residual: true, f32: true},
		{name: "many splits", g: same, n: 1, h: 3, w: 2, ci: 72, co: 72, bias: true, wide: true},
		{name: "many pixels", g: Same(1), n: 5, h: 12, w: 11, ci: 8, co: 8, bias: true, wide: true},
		{name: "vectors all operands", g: same, n: 4, h: 6, w: 5, ci: 8, co: 16, bias: true, image: true, residual: true},
		{name: "residual of odd pitch", g: same, n: 2, h: 4, w: 3, ci: 16, co: 16, bias: true, residual: true, residualPitch: 19},
		{name: "1x1 to nine channels", g: Same(1), n: 1, h: 3, w: 3, ci: 8, co: 9, pitch: 17, bias: true, residual: true},
		{name: "stride 2 in phases", g: Geometry{KH: 3, KW: 3, Stride: 2, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1}, n: 3, h: 7, w: 10, ci: 24, co: 16, bias: true, residual: true},
		{name: "stride 3 circular", g: Geometry{KH: 4, KW: 3, Stride: 3, PadTop: 2, PadBottom: 3, PadLeft: 1, PadRight: 4, Circular: true}, n: 1, h: 6, w: 9, ci: 8, co: 8},
		{name: "stride 2 circular odd", g: Geometry{KH: 3, KW: 3, Stride: 2, PadTop: 1, PadBottom: 6, PadLeft: 1, PadRight: 1, Circular: true}, n: 1, h: 5, w: 7, ci: 8, co: 8},
		{name: "stride 2 pad right and bottom", g: Geometry{KH: 3, KW: 3, Stride: 2, PadBottom: 1, PadRight: 1}, n: 2, h: 8, w: 6, ci: 8, co: 8, bias: true},
		{name: "stride 2 symmetric odd size", g: Geometry{KH: 3, KW: 3, Stride: 2, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1}, n: 2, h: 7, w: 5, ci: 6, co: 10, bias: true},
		{name: "upsample", g: up, n: 2, h: 3, w: 4, ci: 8, co: 8, bias: true},
		{name: "upsample strided circular", g: Geometry{KH: 3, KW: 2, Stride: 2, PadTop: 2, PadBottom: 1, PadLeft: 1, Circular: true, Upsample2x: true}, n: 1, h: 3, w: 4, ci: 8, co: 16, bias: true},
		{name: "upsample phases", g: up, n: 3, h: 5, w: 3, ci: 40, co: 72, bias: true, image: true, residual: true},
		{name: "upsample odd channels", g: up, n: 2, h: 4, w: 3, ci: 15, co: 11, pitch: 24, bias: true, residual: true},
		{name: "upsample asymmetric", g: Geometry{KH: 5, KW: 3, PadTop: 3, PadBottom: 1, PadRight: 2, Upsample2x: true}, n: 2, h: 4, w: 5, ci: 8, co: 16, bias: true},
		{name: "upsample circular", g: upCircular, n: 2, h: 3, w: 4, ci: 16, co: 8, bias: true},
		{name: "upsample to full tiles", g: up, n: 1, h: 12, w: 11, ci: 16, co: 136, bias: true, residual: true, wide: true},
		{name: "upsample from full tiles", g: up, n: 1, h: 12, w: 11, ci: 136, co: 8, bias: true, residual: true, wide: true},
		{name: "upsample vectors of one split", g: up, n: 4, h: 5, w: 6, ci: 16, co: 8, bias: true, image: true, residual: true},
		{name: "upsample odd operands of one split", g: up, n: 2, h: 3, w: 5, ci: 13, co: 7, pitch: 16, residualPitch: 19, bias: true, image: true, residual: true},
		{name: "upsample many pixels", g: up, n: 5, h: 12, w: 11, ci: 8, co: 8, bias: true, wide: true},
		{name: "upsample 1x1", g: Geometry{KH: 1, KW: 1, Upsample2x: true}, n: 1, h: 3, w: 2, ci: 5, co: 9},
		{name: "circular", g: circular, n: 1, h: 4, w: 5, ci: 4, co: 6, bias: true},
		{name: "conv1d circular dilated", g: Geometry{KH: 1, KW: 3, PadLeft: 2, PadRight: 2, Dilation: 2, Circular: true}, n: 2, h: 1, w: 9, ci: 8, co: 16, bias: true},
		{name: "6x6", g: Geometry{KH: 6, KW: 6, PadTop: 2, PadBottom: 3, PadLeft: 3, PadRight: 2}, n: 1, h: 4, w: 3, ci: 8, co: 8, bias: true, wide: true},
		{name: "5x2 asymmetric dilated", g: Geometry{KH: 5, KW: 2, PadTop: 3, PadBottom: 2, PadLeft: 1, Dilation: 2}, n: 1, h: 9, w: 6, ci: 3, co: 4},
		{name: "no padding", g: Geometry{KH: 3, KW: 3}, n: 2, h: 5, w: 5, ci: 7, co: 9, bias: true},
	}
}

func (s shape) input(n, h, w, c int) kernels.Input {
	if s.pitch > 0 {
		return kernels.RandnPitch(n, h, w, c, s.pitch)
	}
	return kernels.Randn(n, h, w, c)
}

func (s shape) addend(n, h, w, c int) kernels.Input {
	if s.residualPitch > 0 {
		return kernels.RandnPitch(n, h, w, c, s.residualPitch)
	}
	return s.input(n, h, w, c)
}

func (s shape) weights() kernels.Input { return kernels.Randn(s.co, s.g.KH, s.g.KW, s.ci) }

func (s shape) conv() kernels.Case {
	oh, ow := s.g.Size(s.h, s.w)
	in := []kernels.Input{s.input(s.n, s.h, s.w, s.ci), s.weights(), kernels.Absent(), kernels.Absent(), kernels.Absent()}
	if s.bias {
		in[inBias] = kernels.Randn(1, 1, 1, s.co)
	}
	if s.image {
		in[inImageBias] = kernels.Randn(s.n, 1, 1, s.co)
	}
	if s.residual {
		in[inResidual] = s.addend(s.n, oh, ow, s.co)
	}
	return kernels.Case{Name: s.name, Op: Conv2D{Geometry: s.g, OutF32: s.f32, ChannelStats: s.stats}, In: in, NoGrad: s.wide || s.stats}
}

func (s shape) dgrad() kernels.Case {
	oh, ow := s.g.Size(s.h, s.w)
	in := []kernels.Input{s.input(s.n, oh, ow, s.co), s.weights()}
	if s.residual {
		in = append(in, s.addend(s.n, s.h, s.w, s.ci))
	}
	return kernels.Case{Name: s.name, Op: Conv2DDgrad{s.g, s.h, s.w}, In: in, NoGrad: s.wide}
}

func (s shape) wgrad() kernels.Case {
	oh, ow := s.g.Size(s.h, s.w)
	in := []kernels.Input{s.input(s.n, s.h, s.w, s.ci), s.input(s.n, oh, ow, s.co)}
	return kernels.Case{Name: s.name, Op: Conv2DWgrad{s.g, s.bias}, In: in, NoGrad: s.wide}
}

func cases(of func(s shape) kernels.Case) []kernels.Case {
	var list []kernels.Case
	for _, s := range shapes() {
		list = append(list, of(s))
	}
	return list
}

// Cases implements kernels.Operator.
func (Conv2D) Cases() []kernels.Case {
	list := cases(shape.conv)
	for _, s := range statsShapes() {
		list = append(list, s.conv())
	}
	return list
}

// statsShapes are cases in which the statistics of channels are taken: of whole tiles of one image, of the last tile of an image that
// is none, and of sums of partial products.
func statsShapes() []shape {
	up := Same(3)
	up.Upsample2x = true
	return []shape{
		{name: "stats", g: Same(3), n: 2, h: 16, w: 16, ci: 8, co: 16, bias: true, image: true, residual: true, stats: true},
		{name: "stats of two column tiles", g: Same(1), n: 1, h: 16, w: 16, ci: 8, co: 136, bias: true, stats: true},
		{name: "stats of odd channels", g: Same(1), n: 2, h: 16, w: 32, ci: 8, co: 13, pitch: 19, bias: true, stats: true},
		{name: "stats of odd images", g: Same(3), n: 3, h: 11, w: 13, ci: 8, co: 24, bias: true, residual: true, stats: true},
		{name: "stats of splits", g: Same(3), n: 2, h: 9, w: 15, ci: 40, co: 20, pitch: 48, residualPitch: 43, bias: true, image: true, residual: true, stats: true},
		{name: "stats of vectors of splits", g: Same(3), n: 1, h: 7, w: 9, ci: 40, co: 24, bias: true, residual: true, stats: true},
		{name: "stats of many chunks", g: Same(1), n: 1, h: 67, w: 65, ci: 8, co: 8, bias: true, stats: true},
		{name: "stats of odd tiles of phases", g: up, n: 1, h: 16, w: 16, ci: 8, co: 13, pitch: 24, residualPitch: 19, bias: true, residual: true, stats: true},
		{name: "stats of one pixel", g: Same(1), n: 2, h: 1, w: 1, ci: 3, co: 5, bias: true, stats: true},
		{name: "stats of phases", g: up, n: 2, h: 16, w: 16, ci: 8, co: 16, bias: true, stats: true},
		{name: "stats of odd phases", g: up, n: 2, h: 9, w: 7, ci: 16, co: 13, bias: true, residual: true, stats: true},
	}
}

// Cases implements kernels.Operator.
func (Conv2DDgrad) Cases() []kernels.Case { return cases(shape.dgrad) }

// Cases implements kernels.Operator.
func (Conv2DWgrad) Cases() []kernels.Case { return cases(shape.wgrad) }
