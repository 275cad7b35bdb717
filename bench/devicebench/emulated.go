package devicebench

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// peak is a device's data sheet: what no kernel can be faster than.
type peak struct{ bytes, tensor, float float64 } // a second

// peaks are those of the emulator's profiles (NVIDIA's data sheets: A100 SXM 80 GB, H100 SXM, GeForce RTX 4090; dense bf16 with
// float32 sums, float32 outside the tensor cores).
var peaks = map[string]peak{
	"emu:a100":    {2.039e12, 312e12, 19.5e12},
	"emu:h100":    {3.35e12, 989e12, 67e12},
	"emu:rtx4090": {1.008e12, 165e12, 82.6e12},
}

// count runs the launches once and fills the counters.
func (b *bench) count(p cuda.Profiler, launches []gpu.Recorded, row *KernelRow) error {
	p.StartCounting()
	for _, l := range launches {
		if err := b.timer.stream.Launch(l.Function, l.Launch); err != nil {
			return err
		}
	}
	err := b.timer.stream.Synchronize()
	row.Counters = counters(p.StopCounting(), row.Bytes)
	if top, ok := peaks[b.Device.Props().ID]; ok {
		rate := top.float
		if b.DType == kernels.BF16 && row.Counters.TensorFLOPs > 0 {
			rate = top.tensor
		}
		row.Predicted = 1e6 * max(row.FLOPs/rate, row.Bytes/top.bytes)
	}
	return err
}

// counters sums what launches did; least is their operators' least traffic in bytes.
func counters(list []cuda.LaunchCounters, least float64) *Counters {
	c := &Counters{}
	var sectors, asked, wavefronts, ideal int64
	for _, l := range list {
		w := l.Instructions.Warp
		c.Instructions += w.Integer + w.Float32 + w.Half + w.Float64 + w.Tensor + w.Convert + w.Move + w.Predicate + w.Special + w.Load + w.Store +
			w.Atomic + w.Barrier + w.Branch + w.Cross + w.Other
		sectors += l.Global.LoadSectors + l.Global.StoreSectors
		asked += l.Global.LoadBytes + l.Global.StoreBytes
		wavefronts += l.Shared.LoadWavefronts + l.Shared.StoreWavefronts
		ideal += l.Shared.LoadIdeal + l.Shared.StoreIdeal
		c.TensorFLOPs += l.FLOPs.TensorBF16 + l.FLOPs.TensorF16 + l.FLOPs.TensorTF32
	}
	c.SectorBytes = 32 * sectors
	if asked > 0 {
		c.SectorsOfIdeal = float64(c.SectorBytes) / float64(asked)
	}
	if ideal > 0 {
		c.SharedOfIdeal = float64(wavefronts) / float64(ideal)
	}
	if least > 0 {
		c.SectorsOfMinimum = float64(c.SectorBytes) / least
	}
	return c
}
