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

// wrap is the period of an axis of so many pixels, 0 where the padding is zero.
func (g Geometry) wrap(pixels int) int32 {
	if g.Circular {
		return int32(pixels)
	}
	return 0
}

// period is what positions wrap at, in the enlarged input, along an axis of the given size.
func (g Geometry) period(size int) int32 { return g.wrap(size * g.scale()) }

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
	return newGeometry(images, g.forwardAxis(h, oh, g.KH, g.PadTop), g.forwardAxis(w, ow, g.KW, g.PadLeft))
}

func (g Geometry) adjoint(images, h, w int) geometry {
	oh, ow := g.Size(h, w)
	return newGeometry(images, g.adjointAxis(h, oh, g.KH, g.PadTop), g.adjointAxis(w, ow, g.KW, g.PadLeft))
}

// subpixel reports an error where a convolution cannot be computed in the phases of an enlarged image.
func (g Geometry) subpixel() error {
	switch {
	case !g.Upsample2x:
		return errors.New("the input is not enlarged")
	case g.stride() != 1 || g.dilation() != 1 || g.KH%2 == 0 || g.KW%2 == 0:
		return errors.New("subpixel phases take odd kernels of stride and dilation 1")
	case g.PadTop+g.PadBottom != g.KH-1 || g.PadLeft+g.PadRight != g.KW-1:
		return errors.New("subpixel phases take convolutions whose output has twice the size of the input")
	}
	return nil
}

// subpixelForward gathers x for y with the folded weights of kernels/conv/conv2d_subpixel.cu.
func (g Geometry) subpixelForward(images, h, w int) geometry {
	along := func(size, k, pad int) axis {
		return axis{Outputs: int32(2 * size), Inputs: int32(size), Scale: 1, First: int32(-pad - 1), Step: 1, Div: 2, Taps: int32(k + 1), Sub: 1, Enlarge: 1,
			Period: g.wrap(2 * size)}
	}
	return newGeometry(images, along(h, g.KH, g.PadTop), along(w, g.KW, g.PadLeft))
}

// subpixelAdjoint gathers dy for dx.
func (g Geometry) subpixelAdjoint(images, h, w int) geometry {
	along := func(size, k, pad int) axis {
		return axis{Outputs: int32(size), Inputs: int32(2 * size), Scale: 2, First: int32(pad + 1), Step: -1, Div: 1, Taps: int32(k + 1), Sub: 1, Enlarge: 1,
			Period: g.wrap(2 * size)}
	}
	return newGeometry(images, along(h, g.KH, g.PadTop), along(w, g.KW, g.PadLeft))
}

// subpixelPhase gathers x for the pixels of a phase of dy; First is still that of the enlarged image (kernels/include/conv_wgrad_mma.cuh).
func (g Geometry) subpixelPhase(images, h, w int) geometry {
	along := func(size, k, pad int) axis {
		return axis{Outputs: int32(size), Inputs: int32(size), Scale: 1, First: int32(-pad), Step: 1, Div: 1, Taps: int32((k + 1) / 2), Sub: 1, Enlarge: 1,
			Period: g.wrap(size)}
	}
	return newGeometry(images, along(h, g.KH, g.PadTop), along(w, g.KW, g.PadLeft))
}

func newGeometry(images int, h, w axis) geometry {
	return geometry{H: h, W: w, Images: int32(images), Taps: h.Taps * w.Taps}
}

// pixels is the number of rows of the product.
func (g geometry) pixels() int { return int(g.Images) * int(g.H.Outputs) * int(g.W.Outputs) }

// supported reports an error for more taps than a block's table holds, or too many pixels for 32-bit numbers.
func (g geometry) supported(taps int) error {
	if int(g.Taps) > taps {
		return fmt.Errorf("%d taps a pixel, the kernels hold %d: use a smaller kernel size", g.Taps, taps)
	}
	if gathered := int64(g.Images) * int64(g.H.Inputs) * int64(g.W.Inputs); int64(g.pixels()) > math.MaxInt32/2 || gathered > math.MaxInt32/2 {
		return errPixels
	}
	return nil
}

var errPixels = errors.New("more than 2^30 pixels in a batch: use a smaller batch")

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

// epilogue is Epilogue of kernels/include/conv.cuh. Moments is for a launch to set.
type epilogue struct {
	Bias, Image, Residual, Y, Moments cuda.DevicePtr
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
