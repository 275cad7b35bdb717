package conv

import (
	"errors"
	"fmt"
	"math"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// axis is Axis of kernels/include/conv.cuh: how pixels of a product meet the rows (or columns) of the gathered tensor.
type axis struct {
	Outputs, Inputs         int32
	Scale, First, Step, Div int32
	Taps, Sub, Enlarge      int32
	Period                  int32
}

// geometry is Geometry of kernels/include/conv.cuh.
type geometry struct {
	H, W         axis
	Images, Taps int32
}

func (g Geometry) period(size int) int32 {
	if g.Circular {
		return int32(size * g.scale())
	}
	return 0
}

// forwardAxis gathers an input of the given size for outputs.
func (g Geometry) forwardAxis(size, outputs, k, pad int) axis {
	return axis{Outputs: int32(outputs), Inputs: int32(size), Scale: int32(g.stride()), First: int32(-pad), Step: int32(g.dilation()),
		Div: int32(g.scale()), Taps: int32(k), Sub: 1, Enlarge: 1, Period: g.period(size)}
}

// adjointAxis gathers outputs for an input of the given size. Where a circular convolution has outputs for more than one period
// of its input, each tap is taken once for each period.
func (g Geometry) adjointAxis(size, outputs, k, pad int) axis {
	sub := g.scale()
	if g.Circular {
		sub *= (outputs-1)*g.stride()/(size*g.scale()) + 1
	}
	return axis{Outputs: int32(size), Inputs: int32(outputs), Scale: int32(g.scale()), First: int32(pad), Step: int32(-g.dilation()),
		Div: int32(g.stride()), Taps: int32(k * sub), Sub: int32(sub), Enlarge: int32(g.scale()), Period: g.period(size)}
}

func (g Geometry) forward(images, h, w int) geometry {
	oh, ow := g.Size(h, w)
	a := geometry{H: g.forwardAxis(h, oh, g.KH, g.PadTop), W: g.forwardAxis(w, ow, g.KW, g.PadLeft), Images: int32(images)}
	a.Taps = a.H.Taps * a.W.Taps
	return a
}

func (g Geometry) adjoint(images, h, w int) geometry {
	oh, ow := g.Size(h, w)
	a := geometry{H: g.adjointAxis(h, oh, g.KH, g.PadTop), W: g.adjointAxis(w, ow, g.KW, g.PadLeft), Images: int32(images)}
	a.Taps = a.H.Taps * a.W.Taps
	return a
}

// pixels is the number of rows of the product.
func (g geometry) pixels() int { return int(g.Images) * int(g.H.Outputs) * int(g.W.Outputs) }

// supported reports an error for more taps than a block's table holds, or too many pixels for 32-bit numbers.
func (g geometry) supported(taps int) error {
	if int(g.Taps) > taps {
		return fmt.Errorf("%d taps a pixel, the kernels hold %d: use a smaller kernel size", g.Taps, taps)
	}
	if gathered := int64(g.Images) * int64(g.H.Inputs) * int64(g.W.Inputs); int64(g.pixels()) > math.MaxInt32/2 || gathered > math.MaxInt32/2 {
		return errors.New("more than 2^30 pixels in a batch: use a smaller batch")
	}
	return nil
}

// weights is Weights of kernels/include/conv_fma.cuh.
type weights struct {
	Addr             cuda.DevicePtr
	NStride, CStride int64
	TapStride        int32
}

// forwardWeights reads w (o,r,s,i) with n = o and channel i.
func forwardWeights(w *kernels.Operand) weights {
	return weights{Addr: gpu.Ptr(w), NStride: int64(w.H * w.W * w.Pitch), CStride: 1, TapStride: int32(w.Pitch)}
}

// adjointWeights reads w (o,r,s,i) with n = i and channel o.
func adjointWeights(w *kernels.Operand) weights {
	return weights{Addr: gpu.Ptr(w), NStride: 1, CStride: int64(w.H * w.W * w.Pitch), TapStride: int32(w.Pitch)}
}

// epilogue is Epilogue of kernels/include/conv.cuh.
type epilogue struct {
	Bias, Image, Residual, Y          cuda.DevicePtr
	ImagePitch, ResidualPitch, YPitch int32
	Pixels, Columns                   int32
	OutFloat, Vector                  int32
}

func newEpilogue(y, bias, image, residual *kernels.Operand) epilogue {
	e := epilogue{Bias: gpu.Ptr(bias), Image: gpu.Ptr(image), Residual: gpu.Ptr(residual), Y: gpu.Ptr(y),
		YPitch: int32(y.Pitch), Pixels: int32(y.H * y.W), Columns: int32(y.C)}
	if image != nil {
		e.ImagePitch = int32(image.Pitch)
	}
	if residual != nil {
		e.ResidualPitch = int32(residual.Pitch)
	}
	if y.DType == kernels.F32 {
		e.OutFloat = 1
	}
	for _, n := range []int{4, 8} {
		if gpu.Aligned(n, y, image, residual) && gpu.Aligned(4, bias) {
			e.Vector = int32(n)
		}
	}
	return e
}
