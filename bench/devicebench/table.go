package devicebench

import "fmt"

// Line is a row as text, and the header that belongs above rows of its kind.
func Line(row any) (header, line string) {
	switch r := row.(type) {
	case ReferenceRow:
		return "reference", fmt.Sprintf("copy of %.0f MB %.0f GB/s (read and written), product %s %.1f TFLOP/s", float64(r.CopyBytes)/1e6, r.CopyGBs,
			r.Product, r.TFLOPs)
	case *KernelRow:
		if r.Emulated {
			return fmt.Sprintf("%-18s %3s %5s %12s %8s %8s %8s %12s %6s  %s", "operator", "var", "count", "instructions", "sectors", "of least", "shared", "floor us",
					"check", "inputs (emulated: exact counts; the floor is predicted from the data sheet)"),
				fmt.Sprintf("%-18s %3d %5d %12d %8.3f %8.3f %8.3f %12.3f %6s  %s", r.Op, r.Variant, r.Count, r.Counters.Instructions, r.Counters.SectorsOfIdeal,
					r.Counters.SectorsOfMinimum, r.Counters.SharedOfIdeal, r.Predicted, verdict(r.Check), r.Shape)
		}
		return fmt.Sprintf("%-18s %3s %5s %10s %10s %10s %9s %8s %9s %9s %6s  %s", "operator", "var", "count", "cold us", "p90", "hot us", "GB/s", "of copy", "TFLOP/s",
				"of prod.", "check", "inputs"),
			fmt.Sprintf("%-18s %3d %5d %10.2f %10.2f %10.2f %9.0f %8.2f %9.2f %9.2f %6s  %s", r.Op, r.Variant, r.Count, r.Cold.Median, r.Cold.P90, r.Hot.Median, r.GBs,
				r.OfCopy, r.TFLOPs, r.OfMatmul, verdict(r.Check), r.Shape)
	case *StepRow:
		if r.Emulated {
			return r.Kind + " (emulated: exact counts)", fmt.Sprintf("%s, batch %d, %s: %d launches, %d warp instructions, %.1f MB of device memory traffic, %.1f GFLOP, %.0f MB of activations",
				r.Preset, r.Batch, r.DType, r.Launches, r.Counters.Instructions, float64(r.Counters.SectorBytes)/1e6, r.FLOPs/1e9, r.MemoryMB)
		}
		return r.Kind, fmt.Sprintf("%s, batch %d, %s: %.3f ms (%.3f, %.3f), wall %.3f ms, %.0f images/s, %.1f TFLOP/s, first step after %.1f s, %.0f MB of activations",
			r.Preset, r.Batch, r.DType, r.Step.Median/1e3, r.Step.P10/1e3, r.Step.P90/1e3, r.HostMS, r.ImagesPerS, r.TFLOPs, r.First, r.MemoryMB)
	}
	return "", fmt.Sprint(row)
}

func verdict(check string) string {
	if check == "ok" {
		return check
	}
	return "failed"
}
