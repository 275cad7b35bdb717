package conv

import (
	"errors"
	"fmt"
	"slices"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// family is a set of kernels of one operator that differ in their tiles: on tensor cores or with plain multiply-adds.
type family struct {
	mma   bool
	taps  int // that a block's table holds
	tiles []tile
}

// The tables of kernels/include/conv_mma.cuh and conv_fma.cuh.
const (
	mmaTaps = 64
	fmaTaps = 256
)

// variants lists an operator's CUDA variants: on tensor cores and with plain multiply-adds, the cheapest tile first.
func variants(mma, fma []tile, variant func(number int, reason string, f family) kernels.Variant) []kernels.Variant {
	var list []kernels.Variant
	add := func(reason string, f family) { list = append(list, variant(len(list)+1, reason, f)) }
	add("bf16 on tensor cores, tile by shape", family{true, mmaTaps, mma})
	add("plain multiply-adds, tile by shape", family{false, fmaTaps, fma})
	for i, t := range mma {
		add("bf16 on tensor cores, tiles of "+t.String(), family{true, mmaTaps, mma[i : i+1]})
	}
	for i, t := range fma {
		add("plain multiply-adds, tiles of "+t.String(), family{false, fmaTaps, fma[i : i+1]})
	}
	return list
}

// alignment reports an error where operands are not what 16-byte copies and tensor cores need.
func (f family) alignment(list ...*kernels.Operand) error {
	for _, o := range list {
		switch {
		case o.DType != kernels.BF16:
			return errors.New("the tensor-core variant takes bf16 tensors only")
		case o.C%8 != 0 || !gpu.Aligned(8, o):
			return fmt.Errorf("rows of %s are no multiples of 16 bytes", o.Spec)
		}
	}
	return nil
}

// supported reports an error for a geometry or a device that the family's kernels do not fit.
func (f family) supported(g geometry, p kernels.Props) error {
	if !slices.ContainsFunc(f.tiles, func(t tile) bool { return t.fits(p) }) {
		return fmt.Errorf("a block needs %d bytes of shared memory, the device has %d", f.tiles[0].shared+staticShared, p.Shared)
	}
	return g.supported(f.taps)
}

// launch prepares the launch of a plan's tile.
func (f family) launch(name string, x *kernels.Operand, p plan) gpu.Launch {
	l := gpu.Launch{Module: name, Kernel: name + "_" + p.tile.String() + "_" + gpu.Suffix(x.DType), Block: cuda.Dim3{X: p.threads}, Shared: p.shared}
	if f.mma {
		l.Module, l.Kernel = name+"_mma", name+"_mma_"+p.tile.String()
	}
	return l
}

// reduceThreads is the size of the blocks that add partial sums.
const reduceThreads = 256

// reduction prepares the launch that adds partial sums.
func reduction(kernel string, threads int) gpu.Launch {
	return gpu.Launch{Module: "conv2d_reduce", Kernel: kernel, Block: cuda.Dim3{X: reduceThreads}, Grid: cuda.Dim3{X: gpu.Ceil(threads, reduceThreads)}}
}
