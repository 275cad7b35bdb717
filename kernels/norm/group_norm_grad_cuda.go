package norm

import (
	"fmt"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// gradShape takes the shape of a call of GroupNormGrad.
func gradShape(c *kernels.Call) normShape {
	return newNormShape(GroupNorm(c.Op.(GroupNormGrad)), c.In[0], c.Out[0], c.In[5], gpu.In(c.In, 6), gpu.In(c.In, 3), gpu.In(c.Out, 3), c.In[4])
}

// gradRows lists the operands with rows of x's shape, x first.
func gradRows(c *kernels.Call) []*kernels.Operand {
	return []*kernels.Operand{c.In[0], c.In[5], gpu.In(c.In, 6), c.Out[0]}
}

// gradSlab plans group_norm_grad_slab: the shape, the threads of a block and its shared memory.
func gradSlab(c *kernels.Call, p kernels.Props) (s normShape, threads, shared int, err error) {
	x, op := c.In[0], c.Op.(GroupNormGrad)
	if err := indexed(x); err != nil {
		return s, 0, 0, err
	}
	if !inVectors(GroupNorm(op)) {
		return s, 0, 0, fmt.Errorf("%s is differentiated element by element", op.Activation)
	}
	if !vectorRows(gradRows(c)...) {
		return s, 0, 0, fmt.Errorf("x, dy, residual or dx has rows that 16-byte vectors do not cover")
	}
	s = gradShape(c)
	if err := slabSlices(&s, x, 2, p); err != nil {
		return s, 0, 0, err
	}
	threads = slabBlock(&s, streamThreads)
	shared = 2*int(s.Pixels)*int(s.Width)*x.DType.Size() + 4*((2*threads/32+3)*planeFloats(&s, vectorLanes(x.DType))+4*int(s.Width))
	if shared > p.Shared {
		return s, 0, 0, fmt.Errorf("an image's slices of %d channels take %d bytes of shared memory, a block has %d", s.Width, shared, p.Shared)
	}
	return s, threads, shared, nil
}

func groupNormGradSlabSupports(c *kernels.Call, p kernels.Props) error {
	_, _, _, err := gradSlab(c, p)
	return err
}

// shareBytes is the size of the images' shares of dgamma and dbeta, the first part of the scratch memory.
func shareBytes(c *kernels.Call) int64 { return 8 * int64(c.In[0].N) * int64(c.In[0].C) }

func groupNormGradSlabScratch(c *kernels.Call, _ kernels.Props) int64 { return shareBytes(c) }

// present drops absent operands, and declares the others.
func present(m cuda.Mode, list ...*kernels.Operand) []cuda.Operand {
	var uses []cuda.Operand
	for _, o := range list {
		if o != nil {
			uses = append(uses, gpu.Use(o, m))
		}
	}
	return uses
}

// groupNormGradSlabCUDA has one block for an image and a slice of its channels; then the images' shares are added.
func groupNormGradSlabCUDA(q *gpu.Queue, c *kernels.Call) error {
	s, threads, shared, err := gradSlab(c, q.Library.Props())
	if err != nil {
		return err
	}
	x, dx, dss := c.In[0], c.Out[0], gpu.In(c.Out, 3)
	uses := append(present(cuda.Read, c.In...), present(cuda.Write, dx, dss)...)
	err = q.Launch(gpu.Launch{Module: "group_norm_grad", Kernel: "group_norm_grad_slab_" + gpu.Suffix(x.DType), Shared: shared,
		Grid: cuda.Dim3{X: x.N * int(s.Blocks)}, Block: cuda.Dim3{X: threads}, Operands: append(uses, gpu.UseBytes(c.Scratch, 0, shareBytes(c), cuda.Write)),
		Args: []any{q.State, s, gpu.Ptr(x), gpu.Ptr(c.In[1]), gpu.Ptr(c.In[2]), gpu.Ptr(c.In[3]), gpu.Ptr(c.In[4]), gpu.Ptr(c.In[5]),
			gpu.Ptr(gpu.In(c.In, 6)), gpu.Ptr(dx), gpu.Ptr(dss), gpu.Ptr(c.Scratch)}})
	if err != nil {
		return err
	}
	return addParameters(q, c)
}

// addParameters adds the images' shares of dgamma and dbeta.
func addParameters(q *gpu.Queue, c *kernels.Call) error {
	x, dgamma, dbeta := c.In[0], c.Out[1], c.Out[2]
	uses := []cuda.Operand{gpu.UseBytes(c.Scratch, 0, shareBytes(c), cuda.Read)}
	for _, o := range []*kernels.Operand{dgamma, dbeta} {
		mode := cuda.Write
		if o.Accumulate {
			mode = cuda.ReadWrite
		}
		uses = append(uses, gpu.Use(o, mode))
	}
	return q.Launch(gpu.Launch{Module: "group_norm_grad", Kernel: "group_norm_grad_parameters", Grid: cuda.Dim3{X: gpu.Ceil(2*x.C, 32)},
		Block: cuda.Dim3{X: streamThreads}, Operands: uses,
		Args: []any{q.State, int32(x.N), int32(x.C), gpu.Accumulates(dgamma), gpu.Accumulates(dbeta), gpu.Ptr(c.Scratch), gpu.Ptr(dgamma), gpu.Ptr(dbeta)}})
}

// gradStream plans the launches over chunks; partials and maps are the bytes of the two parts of the scratch memory behind the shares.
func gradStream(c *kernels.Call, sms int) (s normShape, t stream, partials, maps int64) {
	x := c.In[0]
	s = gradShape(c)
	t = newStream(&s, sms, inVectors(GroupNorm(c.Op.(GroupNormGrad))), gradRows(c)...)
	return s, t, 8 * int64(x.N) * int64(s.Blocks) * int64(x.C), 16 * int64(x.N) * int64(x.C)
}

func groupNormGradStreamScratch(c *kernels.Call, p kernels.Props) int64 {
	_, _, partials, maps := gradStream(c, p.SMs)
	return shareBytes(c) + partials + maps
}

// groupNormGradStreamCUDA sums over chunks, joins them, computes dx, and adds the images' shares.
func groupNormGradStreamCUDA(q *gpu.Queue, c *kernels.Call) error {
	s, t, partials, maps := gradStream(c, q.Library.Props().SMs)
	x, gamma, beta, ss, stats, dy, dss := c.In[0], c.In[1], c.In[2], c.In[3], c.In[4], c.In[5], gpu.In(c.Out, 3)
	shares := shareBytes(c)
	part := func(m cuda.Mode) cuda.Operand { return gpu.UseBytes(c.Scratch, shares, partials, m) }
	mapped := func(m cuda.Mode) cuda.Operand { return gpu.UseBytes(c.Scratch, shares+partials, maps, m) }
	base := gpu.Ptr(c.Scratch)
	partAddr, mapAddr := base+cuda.DevicePtr(shares), base+cuda.DevicePtr(shares+partials)
	plane := 4 * planeFloats(&s, t.lanes)
	err := q.Launch(gpu.Launch{Module: "group_norm_grad", Kernel: "group_norm_grad_sums_" + t.suffix, Grid: t.grid(&s, x.N),
		Block: cuda.Dim3{X: streamThreads}, Shared: (2*streamThreads/32 + 3) * plane, Operands: append(present(cuda.Read, x, gamma, beta, ss, stats, dy), part(cuda.Write)),
		Args: []any{q.State, s, gpu.Ptr(x), gpu.Ptr(gamma), gpu.Ptr(beta), gpu.Ptr(ss), gpu.Ptr(stats), gpu.Ptr(dy), partAddr}})
	if err != nil {
		return err
	}
	uses := append(present(cuda.Read, gamma, beta, ss, stats), present(cuda.Write, dss)...)
	err = q.Launch(gpu.Launch{Module: "group_norm_grad", Kernel: "group_norm_grad_finish_" + gpu.Suffix(x.DType),
		Grid: cuda.Dim3{X: gpu.Ceil(x.N*int(s.Groups), finishWarps)}, Block: cuda.Dim3{X: 32 * finishWarps},
		Operands: append(uses, part(cuda.Read), mapped(cuda.Write), gpu.UseBytes(c.Scratch, 0, shares, cuda.Write)),
		Args: []any{s, int32(x.N), int32(columnsOf(int(s.Size))), partAddr, gpu.Ptr(gamma), gpu.Ptr(beta), gpu.Ptr(ss), gpu.Ptr(stats), gpu.Ptr(dss),
			base, mapAddr}})
	if err != nil {
		return err
	}
	residual, dx := gpu.In(c.In, 6), c.Out[0]
	err = q.Launch(gpu.Launch{Module: "group_norm_grad", Kernel: "group_norm_grad_apply_" + t.suffix, Grid: t.grid(&s, x.N),
		Block: cuda.Dim3{X: streamThreads}, Shared: 4 * plane, Operands: append(present(cuda.Read, x, dy, residual), mapped(cuda.Read), gpu.Use(dx, cuda.Write)),
		Args: []any{q.State, s, gpu.Ptr(x), gpu.Ptr(dy), mapAddr, gpu.Ptr(residual), gpu.Ptr(dx)}})
	if err != nil {
		return err
	}
	return addParameters(q, c)
}
