//go:build cuda && cgo

package driver

//#include "calls.h"
import "C"

import (
	"unsafe"

	"github.com/unnoise/unnoise/cuda"
)

func (s *stream) Launch(f cuda.Function, l cuda.Launch) error {
	args, err := cuda.PackArgs(l.Args...)
	if err != nil {
		return err
	}
	return s.do("Launch", func() error {
		k, ok := f.(*function)
		if !ok || k.m.d != s.d || k.m.closed {
			return &cuda.Error{Code: cuda.InvalidHandle, Call: "Launch", Detail: "the function does not belong to an open module of this device"}
		}
		if err := k.checkArgs(args); err != nil {
			return err
		}
		if err := k.checkShape(&l); err != nil {
			return err
		}
		s.d.launched(k.name, l.Label)
		if err := check("Launch", k.run(s, &l, args)); err != nil {
			return k.failed(withDetail(err, "grid %v, block %v, %d bytes of dynamic shared memory, %d registers a thread", l.Grid.Normal(), l.Block.Normal(),
				l.DynamicShared, k.attrs.Registers))
		}
		return nil
	})
}

// checkArgs holds the arguments to the kernel's parameters: the driver reads as many bytes as those have.
func (f *function) checkArgs(args *cuda.ArgBlock) error {
	if len(args.Offsets) != len(f.params) {
		return f.wrong("Launch", cuda.InvalidValue, "", "%d arguments for %d parameters", len(args.Offsets), len(f.params))
	}
	for i, p := range f.params {
		if int64(args.Sizes[i]) != p.Size {
			return f.wrong("Launch", cuda.InvalidValue, "", "argument %d has %d bytes, parameter %s has %d", i, args.Sizes[i], p.Name, p.Size)
		}
	}
	return nil
}

// checkShape refuses launches that the device cannot run, with the numbers that the driver's error lacks.
func (f *function) checkShape(l *cuda.Launch) error {
	p := &f.m.d.props
	grid, block, cluster := l.Grid.Normal(), l.Block.Normal(), l.Cluster.Normal()
	if !within(grid, p.MaxGrid) {
		return f.wrong("Launch", cuda.InvalidValue, "", "grid %v exceeds %v", grid, p.MaxGrid)
	}
	if !within(block, p.MaxBlock) || block.Count() > int64(f.attrs.MaxThreadsPerBlock) {
		return f.wrong("Launch", cuda.InvalidValue, "", "block %v has %d threads; the kernel allows %d and the device %v", block, block.Count(), f.attrs.MaxThreadsPerBlock, p.MaxBlock)
	}
	if r := f.need; r[0] > 0 && block != (cuda.Dim3{X: r[0], Y: max(r[1], 1), Z: max(r[2], 1)}) {
		return f.wrong("Launch", cuda.InvalidValue, "", "block %v; the kernel requires %v (.reqntid)", block, r)
	}
	limit := f.attrs.MaxDynamicShared
	if l.DynamicShared < 0 || l.DynamicShared > limit {
		return f.wrong("Launch", cuda.InvalidValue, "call SetMaxDynamicShared first", "%d bytes of dynamic shared memory with %d static; %d are allowed",
			l.DynamicShared, f.attrs.StaticShared, limit)
	}
	if n := cluster.Count(); n == 1 {
		return nil
	} else if n > int64(p.MaxCluster) || !within(cluster, grid) {
		return f.wrong("Launch", cuda.NotSupported, "", "a cluster of %d blocks; the device allows %d", n, p.MaxCluster)
	}
	if grid.X%cluster.X != 0 || grid.Y%cluster.Y != 0 || grid.Z%cluster.Z != 0 {
		return f.wrong("Launch", cuda.InvalidValue, "", "grid %v is not a multiple of the cluster %v", grid, cluster)
	}
	return nil
}

func within(d, limit cuda.Dim3) bool {
	return d.X > 0 && d.Y > 0 && d.Z > 0 && d.X <= limit.X && d.Y <= limit.Y && d.Z <= limit.Z
}

func (f *function) run(s *stream, l *cuda.Launch, args *cuda.ArgBlock) C.CUresult {
	c := C.unnoise_launch_t{function: f.handle(), stream: s.handle(), grid: dim(l.Grid), block: dim(l.Block), shared: C.uint(l.DynamicShared)}
	if l.Cluster.Count() > 1 {
		c.cluster = dim(l.Cluster)
	}
	offsets := make([]C.uint, len(args.Offsets)+1)
	for i, o := range args.Offsets {
		offsets[i] = C.uint(o)
	}
	// The first byte needs an address even where there are no arguments.
	data := append(args.Bytes, 0)
	return C.unnoise_run(&c, (*C.char)(unsafe.Pointer(&data[0])), &offsets[0], C.int(len(args.Offsets)))
}

func dim(d cuda.Dim3) [3]C.uint {
	d = d.Normal()
	return [3]C.uint{C.uint(d.X), C.uint(d.Y), C.uint(d.Z)}
}
