package devicebench

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/kernels"
	_ "github.com/unnoise/unnoise/kernels/all" // register
)

// pretender is the emulator under the properties of a GPU, so that the code that times runs: its durations mean nothing.
type pretender struct{ cuda.Device }

func (p pretender) Props() cuda.Props {
	props := p.Device.Props()
	props.Emulated, props.L2Bytes = false, 1<<8
	return props
}

func open(t *testing.T, timed bool) cuda.Device {
	t.Helper()
	d, err := emu.Open("a100", emu.MemoryLimit(1<<26))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if timed {
		return pretender{d}
	}
	return d
}

func options(t *testing.T, timed bool, rows *[]any) Options {
	return Options{Device: open(t, timed), Preset: "swissroll", Batch: 4, DType: kernels.BF16, Match: regexp.MustCompile("^(linear|adamw)$"), Rounds: 2, Steps: 2,
		Commit: "test", Set: []string{"network.hidden=16", "network.layers=1", "network.time_embed_dim=16"},
		Emit: func(row any) error { *rows = append(*rows, row); return nil }}
}

func TestKernelsEmulated(t *testing.T) {
	var rows []any
	o := options(t, false, &rows)
	if err := Kernels(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if len(rows) < 3 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows {
		k := row.(*KernelRow)
		if k.Check != "ok" || k.Counters == nil || k.Counters.Instructions == 0 || k.Predicted <= 0 || k.Hot != nil || k.Cold != nil || !k.Emulated {
			t.Errorf("row %+v", k)
		}
		if header, line := Line(row); !strings.Contains(header, "emulated") || !strings.Contains(line, k.Op) {
			t.Errorf("%s\n%s", header, line)
		}
	}
}

// TestKernelsTimed runs the code that times, and fills a table of variants.
func TestKernelsTimed(t *testing.T) {
	product := productSize
	productSize = 64
	defer func() { productSize = product }()
	var rows []any
	o := options(t, true, &rows)
	o.Match, o.Table = regexp.MustCompile("^linear$"), kernels.Table{}
	if err := Kernels(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if r := rows[0].(ReferenceRow); r.CopyGBs <= 0 || r.TFLOPs <= 0 {
		t.Errorf("reference %+v", r)
	}
	several := false
	for _, row := range rows[1:] {
		k := row.(*KernelRow)
		several = several || k.Variant > 1
		if k.Check != "ok" || k.Hot == nil || k.Cold == nil || k.Cold.Median <= 0 || k.OfCopy <= 0 || k.Counters != nil {
			t.Errorf("row %+v", k)
		}
		if _, line := Line(row); !strings.Contains(line, k.Op) {
			t.Error(line)
		}
	}
	if len(o.Table) == 0 || !several {
		t.Errorf("table %v", o.Table)
	}
}

func TestSteps(t *testing.T) {
	for _, timed := range []bool{false, true} {
		for name, measure := range map[string]func(context.Context, Options) error{"step": Step, "sample": Sample} {
			var rows []any
			if err := measure(context.Background(), options(t, timed, &rows)); err != nil {
				t.Fatal(err)
			}
			r := rows[0].(*StepRow)
			if r.Kind != name || r.FLOPs <= 0 || timed && (r.Step == nil || r.ImagesPerS <= 0) || !timed && (r.Launches == 0 || r.Step != nil) {
				t.Errorf("timed %v: %+v", timed, r)
			}
			if _, line := Line(r); !strings.Contains(line, "swissroll, batch 4, bf16") {
				t.Error(line)
			}
		}
	}
}

// TestRefusals: an unknown preset is an error.
func TestRefusals(t *testing.T) {
	var rows []any
	o := options(t, false, &rows)
	o.Preset = "nothing"
	if err := Kernels(context.Background(), o); err == nil {
		t.Error("an unknown preset is measured")
	}
}
