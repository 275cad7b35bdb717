// Package devicebench measures on a GPU: kernels one by one, training steps and sampling steps. Every row carries the device, the
// driver, the commit and the verdict of the same kernels' check; times are shares of what the same run measures for a device
// copy and a large matrix product. On the emulator nothing is timed: rows hold exact counters and a predicted floor instead.
package devicebench

import (
	"regexp"
	"slices"
	"time"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
)

// Options is what is measured. Emit is called with every row as it is made.
type Options struct {
	Device cuda.Device
	Preset string
	Batch  int
	DType  kernels.DType
	Match  *regexp.Regexp // of operators' names; nil: all
	// Selection chooses the variants of kernels that are measured.
	Selection kernels.Selection
	Rounds    int
	Steps     int    // a round, of training and sampling steps
	Commit    string // of this program
	Set       []string
	Table     kernels.Table // Kernels fills in the fastest variant of each call; nil: only the chosen one is measured
	Emit      func(row any) error
	Log       func(format string, args ...any) // progress; nil: none
}

// Row is what every row carries.
type Row struct {
	Kind     string `json:"kind"` // reference, kernel, step or sample
	Device   string `json:"device"`
	Name     string `json:"name"`
	Driver   string `json:"driver"`
	Commit   string `json:"commit"`
	Time     string `json:"time"`               // UTC, RFC 3339
	Emulated bool   `json:"emulated,omitempty"` // nothing was timed
	Without  string `json:"without,omitempty"`  // variants whose name or purpose matches were left out
}

func (o Options) row(kind string) Row {
	p := o.Device.Props()
	without := ""
	if o.Selection.Exclude != nil {
		without = o.Selection.Exclude.String()
	}
	return Row{Kind: kind, Device: p.ID, Name: p.Name, Driver: p.Driver, Commit: o.Commit, Emulated: p.Emulated, Without: without,
		Time: time.Now().UTC().Format(time.RFC3339)}
}

func (o Options) log(format string, args ...any) {
	if o.Log != nil {
		o.Log(format, args...)
	}
}

// Times summarises durations, in microseconds.
type Times struct {
	Median float64 `json:"us_median"`
	P10    float64 `json:"us_p10"`
	P90    float64 `json:"us_p90"`
}

// summarise returns the quantiles of at least one duration in seconds.
func summarise(seconds []float64) *Times {
	s := slices.Sorted(slices.Values(seconds))
	at := func(q float64) float64 { return 1e6 * s[int(q*float64(len(s)-1)+0.5)] }
	return &Times{at(0.5), at(0.1), at(0.9)}
}

// ReferenceRow is the denominators of a run: what the device reaches at a copy in its memory and at a large matrix product.
type ReferenceRow struct {
	Row
	CopyBytes int64   `json:"copy_bytes"` // read, and as many written
	CopyGBs   float64 `json:"copy_gb_s"`  // bytes read and written
	Product   string  `json:"product"`    // shape and type
	TFLOPs    float64 `json:"product_tflop_s"`
}

// KernelRow is one operator call of a preset's training step.
type KernelRow struct {
	Row
	Preset  string `json:"preset"`
	Batch   int    `json:"batch"`
	DType   string `json:"dtype"`
	Op      string `json:"op"`
	Call    string `json:"call"`  // attributes
	Shape   string `json:"shape"` // inputs
	Variant int    `json:"variant"`
	Name    string `json:"variant_name"`
	Reason  string `json:"variant_reason"` // the variant's purpose
	Count   int    `json:"count"`          // calls like this one in a step
	Kernels int    `json:"launches"`
	Check   string `json:"check"` // ok, or what failed of the variant's check on this device

	FLOPs float64 `json:"flops"` // least work and traffic
	Bytes float64 `json:"bytes"`

	Hot      *Times  `json:"hot,omitempty"`  // same buffers again and again
	Cold     *Times  `json:"cold,omitempty"` // buffers rotated through more than three times the second-level cache
	GBs      float64 `json:"gb_s,omitempty"` // of the least traffic, cold
	TFLOPs   float64 `json:"tflop_s,omitempty"`
	OfCopy   float64 `json:"of_copy,omitempty"`    // share of the copy's rate
	OfMatmul float64 `json:"of_product,omitempty"` // share of the product's rate

	Counters  *Counters `json:"counters,omitempty"` // emulator
	Predicted float64   `json:"predicted_floor_us,omitempty"`
}

// Counters is what the emulator counted in one call.
type Counters struct {
	Instructions     int64   `json:"warp_instructions"`
	SectorBytes      int64   `json:"sector_bytes"` // device memory, 32-byte sectors
	SectorsOfIdeal   float64 `json:"sectors_of_ideal"`
	SharedOfIdeal    float64 `json:"shared_wavefronts_of_ideal,omitempty"`
	TensorFLOPs      int64   `json:"tensor_flops,omitempty"`
	SectorsOfMinimum float64 `json:"sector_bytes_of_least"` // over the operator's least traffic
}

// StepRow is a training step, or a step of the ancestral sampler.
type StepRow struct {
	Row
	Preset     string    `json:"preset"`
	Batch      int       `json:"batch"`
	DType      string    `json:"dtype"`
	Parameters int       `json:"parameters"`
	Launches   int       `json:"launches"`
	MemoryMB   float64   `json:"memory_mb"` // activations and scratch
	FLOPs      float64   `json:"flops"`
	First      float64   `json:"first_step_s,omitempty"` // from the start of building programs to the end of the first step
	Step       *Times    `json:"step,omitempty"`         // device events around a step
	HostMS     float64   `json:"host_ms,omitempty"`      // host clock, one synchronisation a round
	ImagesPerS float64   `json:"images_per_s,omitempty"`
	TFLOPs     float64   `json:"tflop_s,omitempty"`
	Loss       float64   `json:"loss,omitempty"`
	Counters   *Counters `json:"counters,omitempty"`
}
