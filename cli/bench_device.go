package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/bench/devicebench"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/safefile"
	"github.com/unnoise/unnoise/kernels"
)

// benchOnDevice measures kernels, training steps or sampling steps on a GPU, or counts on the emulator.
func benchOnDevice(c *urfave.Context, g *globals, what string) error {
	o, err := deviceBenchOptions(c, g)
	if err != nil {
		return err
	}
	r := &deviceBenchRun{g: g, json: c.String("format") == "json" || g.json}
	if path := c.String("rows"); path != "" {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
		if err != nil {
			return err
		}
		defer f.Close()
		r.rows = json.NewEncoder(f)
	}
	o.Emit = r.emit
	run := map[string]func(context.Context, devicebench.Options) error{"kernels": devicebench.Kernels, "step": devicebench.Step,
		"sample": devicebench.Sample}[what]
	table := ""
	if c.Bool("tune") {
		if table, err = tuneTable(g, what, &o); err != nil {
			return err
		}
	}
	for _, preset := range benchPresets(c, g) {
		if o.Device, err = g.openDevice(); err != nil {
			return err
		}
		if o.Selection.Tuning, err = exec.ReadTuning(o.Device.Props()); err != nil {
			_ = o.Device.Close() // the first error is the one to tell
			return err
		}
		o.Preset = preset
		err := run(c.Context, o)
		if e := o.Device.Close(); err == nil {
			err = e
		}
		if err != nil {
			return err
		}
	}
	if table != "" {
		if err := writeTable(table, o.Table); err != nil {
			return err
		}
		if err := g.say(map[string]any{"event": "table", "path": table, "calls": len(o.Table)}, "wrote %s: %d calls", table, len(o.Table)); err != nil {
			return err
		}
	}
	if r.failed != "" {
		return fmt.Errorf("the check of %s failed on this device: its times mean nothing", r.failed)
	}
	return nil
}

// benchPresets is what is measured without --preset: the net of Ho et al. on a GPU, a small one on the emulator.
func benchPresets(c *urfave.Context, g *globals) []string {
	switch list := c.StringSlice("preset"); {
	case len(list) > 0:
		return list
	case isEmulator(g.deviceName()):
		return []string{"cifar10-small"}
	}
	return []string{"cifar10"}
}

func deviceBenchOptions(c *urfave.Context, g *globals) (devicebench.Options, error) {
	o := devicebench.Options{DType: kernels.BF16, Batch: c.Int("batch"), Rounds: c.Int("rounds"), Steps: c.Int("steps"), Commit: readBuild().Version + " " + readBuild().Commit}
	if g.onCPU() {
		return o, usagef("bench %s needs a GPU, and none can be used here (unnoise doctor says why); --device emu counts what kernels do on the emulator",
			c.Args().First())
	}
	if g.dtype == "f32" {
		o.DType = kernels.F32
	}
	if _, err := g.tabular(c, "table"); err != nil {
		return o, err
	}
	if !c.IsSet("batch") && isEmulator(g.deviceName()) {
		o.Batch = 1
	}
	if c.IsSet("batch") && o.Batch < 1 || o.Rounds < 1 || o.Steps < 1 {
		return o, usagef("--batch, --rounds and --steps: want at least 1")
	}
	for _, p := range c.StringSlice("preset") {
		if _, err := recipe.Preset(p, nil); err != nil {
			return o, usagef("--preset %s: %w", p, err)
		}
	}
	if _, err := matching(c.String("op")); err != nil {
		return o, err
	}
	o.Match = regexp.MustCompile(c.String("op")) // matching has compiled it
	if text := c.String("without"); text != "" {
		re, err := regexp.Compile(text)
		if err != nil {
			return o, usagef("--without: %w", err)
		}
		o.Selection.Exclude = re
	}
	if !g.quiet {
		o.Log = func(format string, a ...any) { fmt.Fprintf(g.err, format+"\n", a...) }
	}
	return o, nil
}

// tuneTable prepares the table that --tune fills and returns its path.
func tuneTable(g *globals, what string, o *devicebench.Options) (string, error) {
	switch {
	case what != "kernels":
		return "", usagef("--tune belongs to bench kernels")
	case isEmulator(g.deviceName()):
		return "", usagef("--tune: nothing can be timed on the emulator")
	}
	d, err := g.openDevice()
	if err != nil {
		return "", err
	}
	defer d.Close()
	path, err := exec.TuningPath(d.Props())
	if err != nil {
		return "", err
	}
	if o.Table, err = kernels.ReadTable(path); err != nil && o.Log != nil {
		o.Log("%v: it is written again", err)
	}
	if n := o.Table.Rename(); n > 0 && o.Log != nil {
		o.Log("%s: %d entries of an earlier version name variants by their purpose: they are written again by name", path, n)
	}
	if o.Table == nil {
		o.Table = kernels.Table{}
	}
	return path, nil
}

func writeTable(path string, t kernels.Table) error {
	text, err := json.MarshalIndent(t, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return safefile.WriteFile(path, append(text, '\n'))
}

// deviceBenchRun prints rows.
type deviceBenchRun struct {
	g      *globals
	json   bool
	rows   *json.Encoder
	header string
	failed string // the last kernel whose check failed
}

func (r *deviceBenchRun) emit(row any) error {
	if r.rows != nil {
		if err := r.rows.Encode(row); err != nil {
			return err
		}
	}
	if k, ok := row.(*devicebench.KernelRow); ok && k.Check != "ok" {
		r.failed = k.Op
	}
	if r.json {
		return json.NewEncoder(r.g.out).Encode(row)
	}
	header, line := devicebench.Line(row)
	if header != r.header {
		r.header = header
		if _, err := fmt.Fprintln(r.g.out, header); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(r.g.out, line)
	return err
}
