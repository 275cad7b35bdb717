package conv

import (
	"errors"
	"fmt"
	"slices"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// family is a set of kernels of one operator that differ in their tiles.
type family struct {
	way   way
	taps  int // that a block's table holds
	tiles []tile
}

// way is how a family multiplies, and what its modules and kernels are called after the operator.
type way string

const (
	plain    way = ""          // float32 multiply-adds
	mma      way = "_mma"      // bf16 on tensor cores
	subpixel way = "_subpixel" // on tensor cores, an enlarged image in phases (kernels/conv/conv2d_subpixel.cu)
)

// The tables of kernels/include/conv_mma.cuh and conv_fma.cuh.
const (
	mmaTaps = 64
	fmaTaps = 256
)

// variants lists an operator's CUDA variants: in subpixel phases, on tensor cores and with plain multiply-adds, the cheapest tile first.
func variants(tensor, fma []tile, variant func(number int, name, doc string, f family) kernels.Variant) []kernels.Variant {
	families := []struct {
		name, doc string
		family
	}{
		{"subpixel", "bf16 on tensor cores, an enlarged image in subpixel phases", family{subpixel, mmaTaps, tensor}},
		{"mma", "bf16 on tensor cores", family{mma, mmaTaps, tensor}},
		{"simt", "plain multiply-adds", family{plain, fmaTaps, fma}},
	}
	var list []kernels.Variant
	add := func(name, doc string, f family) { list = append(list, variant(len(list)+1, name, doc, f)) }
	for _, f := range families {
		add(f.name+"_by_shape", f.doc+", tile by shape", f.family)
	}
	for _, f := range families {
		for i, t := range f.tiles {
			add(f.name+"_"+t.String(), f.doc+", tiles of "+t.String(), family{f.way, f.taps, f.tiles[i : i+1]})
		}
	}
	return list
}

// width is what so many channels of a tap take of the product: whole chunks of 16 bytes where there are copies of them.
func (f family) width(channels int) int {
	if f.way == plain {
		return channels
	}
	return kernels.RoundUp(channels)
}

// alignment reports an error where operands are not what 16-byte copies and tensor cores need.
func alignment(list ...*kernels.Operand) error {
	for _, o := range list {
		switch {
		case o.DType != kernels.BF16:
			return errors.New("the tensor-core variant takes bf16 tensors only")
		case !gpu.Aligned(8, o):
			return fmt.Errorf("rows of %s do not begin on 16 bytes", o.Spec)
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
	name += string(f.way)
	l := gpu.Launch{Module: name, Kernel: name + "_" + p.tile.String(), Block: cuda.Dim3{X: p.threads}, Shared: p.shared}
	if f.way == plain {
		l.Kernel += "_" + gpu.Suffix(x.DType)
	}
	return l
}

// reduceThreads is the size of the blocks that add partial sums.
const reduceThreads = 256

// reduction prepares the launch that adds partial sums.
func reduction(kernel string, threads int) gpu.Launch {
	return gpu.Launch{Module: "conv2d_reduce", Kernel: kernel, Block: cuda.Dim3{X: reduceThreads}, Grid: cuda.Dim3{X: gpu.Ceil(threads, reduceThreads)}}
}
