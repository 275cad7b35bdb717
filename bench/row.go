package bench

import (
	"fmt"
	"time"

	"github.com/unnoise/unnoise/kernels/blas"
)

// Row is what every row of a comparison carries: the machine, the build and the moment.
type Row struct {
	Kind    string  `json:"kind"`   // matmul, parity, round or step
	Device  string  `json:"device"` // processor
	Threads int     `json:"threads"`
	Load    float64 `json:"load"` // load average of the last minute before the measurement (of a step row: before the whole run), -1 where unknown
	Commit  string  `json:"commit"`
	BLAS    string  `json:"blas"` // our matrix product
	Time    string  `json:"time"` // UTC, RFC 3339
}

// MatmulRow is a measured rate of the matrix product: the denominator of the wall.
type MatmulRow struct {
	Row
	GMACs float64 `json:"gmacs_per_s"` // 10^9 multiply-adds a second, float32, all threads
	Size  int     `json:"size"`        // of the square matrices
}

// ParityRow compares our output, loss and gradients with PyTorch's in float64 on one weights file.
type ParityRow struct {
	Row
	Preset     string  `json:"preset"`
	Parameters int     `json:"parameters"`
	Output     float64 `json:"output_relative_l2"`
	Loss       float64 `json:"loss_relative"`
	Grad       float64 `json:"grad_worst_relative_l2"`
	GradTensor string  `json:"grad_worst_tensor"`
	Tolerance  float64 `json:"tolerance"`
	Verdict    string  `json:"parity"` // ok, or what differs
}

// RoundRow is one side's round.
type RoundRow struct {
	Row
	Side       string `json:"side"` // Ours or Theirs
	Version    string `json:"version"`
	Preset     string `json:"preset"`
	Batch      int    `json:"batch"`
	Parameters int    `json:"parameters"`
	Round      int    `json:"round"`
	Steps      int    `json:"steps"`
	Times
	CPU float64 `json:"cpu_ms"` // CPU time a step, all threads
}

// The sides of a comparison.
const (
	Ours   = "unnoise"
	Theirs = "torch"
)

// StepRow is the result for a preset: times over all steps of all rounds. A ratio is PyTorch's time over ours, the median of the
// rounds' ratios; above 1 this project is faster. Where the parity check failed there are no ratios.
type StepRow struct {
	Row
	Preset     string  `json:"preset"`
	Batch      int     `json:"batch"`
	Parameters int     `json:"parameters"`
	Rounds     int     `json:"rounds"`
	Steps      int     `json:"steps"`  // a round
	Peer       string  `json:"peer"`   // version of PyTorch
	Layout     string  `json:"layout"` // the peer's memory format
	Ours       Times   `json:"ours"`
	Theirs     Times   `json:"theirs"`
	OursCPU    float64 `json:"ours_cpu_ms"` // median over the rounds
	TheirsCPU  float64 `json:"theirs_cpu_ms"`
	Ratio      float64 `json:"ratio,omitempty"`
	RatioMin   float64 `json:"ratio_min,omitempty"`
	RatioMax   float64 `json:"ratio_max,omitempty"`
	RatioCPU   float64 `json:"ratio_cpu,omitempty"`
	MACs       float64 `json:"macs"`     // multiply-adds a step
	RooflineMS float64 `json:"bound_ms"` // least time of the multiply-adds at the measured rate of the matrix product
	Parity     string  `json:"parity"`
}

// Void reports whether the parity check failed, so that the times mean nothing.
func (r StepRow) Void() bool { return r.Parity != parityOK }

const parityOK = "ok"

// label names the row in tables and plots.
func (r StepRow) label() string { return fmt.Sprintf("%s, batch %d", r.Preset, r.Batch) }

func (o Options) row(kind string) Row {
	return Row{Kind: kind, Device: device(), Threads: o.Threads, Load: loadAverage(), Commit: o.Commit, BLAS: blas.Name(),
		Time: time.Now().UTC().Format(time.RFC3339)}
}
