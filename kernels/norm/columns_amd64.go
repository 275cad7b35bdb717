package norm

import (
	"golang.org/x/sys/cpu"

	"github.com/unnoise/unnoise/kernels/simd"
)

//go:noescape
func momentsAVX2(sum, squares *float32, x *float32, pitch, rows, columns int, pivot *float32)

//go:noescape
func productsAVX2(sum, product *float32, dz *float32, dzPitch int, x *float32, pitch, rows, columns int, mean *float32)

//go:noescape
func combineAVX2(dx *float32, dxPitch int, dz *float32, dzPitch int, x *float32, pitch, rows, columns int, scale, slope, lift *float32)

// vector says whether the assembly runs here; tests switch it off.
var vector = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// wide returns how many of c columns the assembly takes.
func wide(c int) int {
	if !vector {
		return 0
	}
	return c &^ 7
}

func momentsVector(sum, squares []float32, x simd.Rows, rows, c int, pivot []float32) {
	momentsAVX2(&sum[0], &squares[0], &x.Data[0], 4*x.Pitch, rows, c, &pivot[0])
}

func productsVector(sum, product []float32, dz, x simd.Rows, rows, c int, mean []float32) {
	productsAVX2(&sum[0], &product[0], &dz.Data[0], 4*dz.Pitch, &x.Data[0], 4*x.Pitch, rows, c, &mean[0])
}

func combineVector(dx, dz, x simd.Rows, rows, c int, scale, slope, lift []float32) {
	combineAVX2(&dx.Data[0], 4*dx.Pitch, &dz.Data[0], 4*dz.Pitch, &x.Data[0], 4*x.Pitch, rows, c, &scale[0], &slope[0], &lift[0])
}
