package bench

import (
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"
)

// WriteTable prints results as text.
func WriteTable(w io.Writer, rows []StepRow) error {
	if len(rows) == 0 {
		return nil
	}
	r := rows[0]
	fmt.Fprintf(w, "training step on %s, %s each; milliseconds a step, median (p10, p90) of %s of %s in turn\n", r.Device,
		count(r.Threads, "thread"), count(r.Rounds, "round"), count(r.Steps, "step"))
	fmt.Fprintf(w, "ours: unnoise %s, BLAS %s; theirs: PyTorch %s, %s; ratio: theirs / ours (lowest, highest round), above 1 ours is faster\n",
		r.Commit, r.BLAS, r.Peer, r.Layout)
	fmt.Fprintf(w, "wall: the step's multiply-adds at the measured rate of our matrix product; load: runnable processes before the run\n\n")
	t := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	fmt.Fprintf(t, "step\tours\ttheirs\tratio\tours CPU\ttheirs CPU\tratio CPU\twall\tours/wall\tload\tparity\n")
	for _, r := range rows {
		ratio, cpu := "void", "void"
		if !r.Void() {
			ratio, cpu = fmt.Sprintf("%.2f (%.2f, %.2f)", r.Ratio, r.RatioMin, r.RatioMax), fmt.Sprintf("%.2f", r.RatioCPU)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%.0f\t%.0f\t%s\t%.0f\t%.2f\t%.2f\t%s\n", r.label(), r.Ours, r.Theirs, ratio, r.OursCPU, r.TheirsCPU, cpu, r.RooflineMS,
			r.Ours.Median/r.RooflineMS, r.Load, r.Parity)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if most := 0.5 * float64(runtime.NumCPU()); r.Load > most {
		fmt.Fprintf(w, "\nother programs ran (load %.2f on %s): wall times of several threads, which wait for each other, say little\n", r.Load,
			count(runtime.NumCPU(), "processor"))
	}
	return nil
}

// String is median (p10, p90).
func (t Times) String() string { return fmt.Sprintf("%.0f (%.0f, %.0f)", t.Median, t.P10, t.P90) }

// count prints a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
