package diffusion

import (
	"fmt"
	"math"
	"slices"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
)

// selectPasses is the number of passes of a selection: eight bits of the float in each, and one for the next greater number.
const selectPasses = 5

// place returns the two order statistics around the quantile of n elements and how far it lies from the lower to the upper one.
func (o DynamicThreshold) place(n int) (below int, share float64) {
	at := o.Ratio * float64(n-1)
	below = min(int(at), n-1)
	return below, at - float64(below)
}

func dynamicThresholdReference[T kernels.Float](c *kernels.Call) {
	o, x, out, limit := c.Op.(DynamicThreshold), kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.Out[T](c, 0)
	k := coefficientsOf(kernels.In[T](c, 2), c.State, 0)
	for n := range x.N {
		var all []float64
		for h := range x.H {
			for w := range x.W {
				for ch := range x.C {
					all = append(all, math.Abs(k.fromX*x.At(n, h, w, ch)+k.fromOut*out.At(n, h, w, ch)))
				}
			}
		}
		if slices.ContainsFunc(all, math.IsNaN) {
			limit.Set(n, 0, 0, 0, math.NaN())
			continue
		}
		slices.Sort(all)
		below, share := o.place(len(all))
		low, high := all[below], all[min(below+1, len(all)-1)]
		limit.Set(n, 0, 0, 0, min(max(low+share*(high-low), 1), o.Max))
	}
}

// dynamicThresholdWorkspace is room for |x_0| of a sample for each worker.
func dynamicThresholdWorkspace(c *kernels.Call, p kernels.Props) int64 {
	return sampleWorkspace(c.In[0].Spec, p)
}

func dynamicThresholdCPU(q kernels.Queue, c *kernels.Call) error {
	o, x, out, table, limit := c.Op.(DynamicThreshold), c.In[0], c.In[1], c.In[2], c.Out[0]
	if int(c.State.ChainIndex) >= table.N {
		return fmt.Errorf("%s: chain index %d, but %s has rows 0..%d", o.Name(), c.State.ChainIndex, table.Name, table.N-1)
	}
	row := table.F32[int(c.State.ChainIndex)*table.Pitch:]
	fromX, fromOut := float64(row[X0FromX]), float64(row[X0FromOut])
	size := x.H * x.W * x.C
	cpu.Of(q).Tasks(x.N, func(n, worker int) {
		all := c.Workspace[worker*size : (worker+1)*size]
		a, b := rowsOf(x, n), rowsOf(out, n)
		for p := range x.H * x.W {
			net, to := b.at(p, x.C), all[p*x.C:(p+1)*x.C]
			for i, v := range a.at(p, x.C) {
				to[i] = float32(math.Abs(fromX*float64(v) + fromOut*float64(net[i])))
			}
		}
		below, share := o.place(size)
		low, high := selected(all, below)
		limit.F32[n*limit.Pitch] = float32(min(max(low+share*(high-low), 1), o.Max))
	})
	return nil
}

// selected returns element rank of the sorted elements and the one after it, itself where it is the last; elements are not negative.
// NaN if any is.
func selected(all []float32, rank int) (low, high float64) {
	var prefix, mask uint32
	left := rank // elements before the wanted one among those with the prefix
	for shift := 24; shift >= 0; shift -= 8 {
		var count [256]int
		for _, v := range all {
			if bits := math.Float32bits(v); bits&mask == prefix {
				count[bits>>shift&255]++
			}
		}
		digit := 0
		for ; left >= count[digit]; digit++ {
			left -= count[digit]
		}
		prefix |= uint32(digit) << shift
		mask |= 255 << shift
	}
	next, equal := uint32(math.MaxUint32), 0
	for _, v := range all {
		switch bits := math.Float32bits(v); {
		case v != v:
			return math.NaN(), math.NaN()
		case bits == prefix:
			equal++
		case bits > prefix:
			next = min(next, bits)
		}
	}
	if left+1 < equal || next == math.MaxUint32 {
		next = prefix
	}
	return float64(math.Float32frombits(prefix)), float64(math.Float32frombits(next))
}
