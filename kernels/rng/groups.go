package rng

import (
	"fmt"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// GroupThreads is the number of threads in a block of the kernels that draw.
const GroupThreads = 256

// maxGroups is the number of groups that kernels count in 32 bits with two more for the place in a group.
const maxGroups = 1 << 30

// Groups is Groups of kernels/include/groups.cuh, an argument passed by value: the elements of a batch as Philox draws them.
type Groups struct {
	Size, Groups, Total, Pixels, Channels uint32
	ByGroups, ByChannels                  gpu.Divisor
}

// GroupsOf returns the groups of a shape.
func GroupsOf(s kernels.Spec) Groups {
	size := s.H * s.W * s.C
	groups := gpu.Ceil(size, 4)
	return Groups{Size: uint32(size), Groups: uint32(groups), Total: uint32(s.N * groups), Pixels: uint32(s.H * s.W),
		Channels: uint32(s.C), ByGroups: gpu.NewDivisor(groups), ByChannels: gpu.NewDivisor(s.C)}
}

// Loop returns the grid of one thread for repeat groups.
func (g Groups) Loop() (grid cuda.Dim3, repeat int32) { return gpu.Loop(int(g.Total), GroupThreads, 4) }

// Countable reports an error for shapes of more groups than kernels count.
func Countable(s kernels.Spec) error {
	if n := s.N * gpu.Ceil(s.H*s.W*s.C, 4); n >= maxGroups {
		return fmt.Errorf("%s has %d groups of four elements, the kernels take less than %d", s, n, maxGroups)
	}
	return nil
}

// Dense4 reports an error unless groups of operands of one shape are 16 contiguous and aligned bytes; absent operands are
// left out.
func Dense4(list ...*kernels.Operand) error {
	for _, o := range list {
		if o != nil && (o.Pitch != o.C || o.H*o.W*o.C%4 != 0 || o.Addr%16 != 0) {
			return fmt.Errorf("%s %s: groups of four elements are not 16 contiguous and aligned bytes", o.Name, o.Spec)
		}
	}
	return nil
}
