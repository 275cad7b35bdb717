package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/bench"
	"github.com/unnoise/unnoise/engine/viz"
)

func benchCommand() *urfave.Command {
	return &urfave.Command{
		Name:      "bench",
		Usage:     "time kernels, training steps and sampling steps; training steps beside PyTorch",
		ArgsUsage: "compare|step|kernels|sample|samplers",
		Description: "compare  our training step and PyTorch's in turn, and the ratio; needs the scripts in bench/peers and a Python with PyTorch\n" +
			"step     our training step alone, one JSON object a round\n" +
			"kernels  on a GPU: every distinct operator call of a preset's training step, cold and hot, as a share of what the same run measures\n" +
			"         for a device copy and a large matrix product; with --device emu exact counts and a predicted floor instead of times\n" +
			"sample   on a GPU: steps of the ancestral sampler; step takes --device cuda and emu, too\n" +
			"samplers how near every sampling method comes for a number of network calls: on Gaussian data with the exact network, or\n" +
			"         with the network of a run on 2-D points (--model); no device needed\n" +
			"A comparison first checks that both networks are the same: output, loss and gradients within 1e-4. If they are not, its\n" +
			"ratios are void and the exit code is 1. bench/README.md describes the rows.",
		Flags: []urfave.Flag{
			&urfave.StringSliceFlag{Name: "preset", Usage: "preset `NAME`; may be repeated", DefaultText: strings.Join(bench.Presets, " and ")},
			&urfave.StringFlag{Name: "op", Usage: "kernels: only operators whose name matches `REGEX`; samplers: only those samplers"},
			&urfave.BoolFlag{Name: "tune", Usage: "kernels: measure all variants and keep the fastest of each call in this device's table, which train and sample follow"},
			&urfave.StringFlag{Name: "without", Usage: "leave out kernel variants whose name or purpose (see the rows of bench kernels) matches `REGEX`, for example subpixel"},
			&urfave.IntFlag{Name: "batch", Usage: "`N` images a step", DefaultText: "the preset's"},
			&urfave.IntFlag{Name: "rounds", Value: 5, Usage: "`N` rounds a side"},
			&urfave.IntFlag{Name: "steps", Value: 5, Usage: "`N` steps a round"},
			&urfave.IntFlag{Name: "warmup", Value: 2, Usage: "`N` steps before the first round"},
			&urfave.StringFlag{Name: "peers", Value: "bench/peers", Usage: "`DIR` of the peers' scripts"},
			&urfave.StringFlag{Name: "python", Value: "python3", Usage: "`COMMAND` that runs them"},
			&urfave.BoolFlag{Name: "contiguous", Usage: "PyTorch in N,C,H,W memory instead of channels_last"},
			&urfave.StringFlag{Name: "model", Usage: "samplers: `RUN` directory of unnoise train on 2-D points", DefaultText: "Gaussian data, exact network"},
			&urfave.StringFlag{Name: "rows", Usage: "append every row to this JSON lines `FILE`"},
			&urfave.StringFlag{Name: "plot", Usage: "draw the comparison into this PNG `FILE`"},
			formatFlag("table", "json"),
		},
		Action: runBench,
	}
}

func runBench(c *urfave.Context) error {
	g, err := readGlobals(c)
	if err != nil {
		return err
	}
	switch what := c.Args().First(); {
	case c.NArg() != 1:
		return usagef("bench what? Expected one of compare, step, kernels, sample and samplers; see unnoise bench --help")
	case what == "samplers":
		return benchSamplers(c, g)
	case what == "kernels" || what == "sample" || what == "step" && !g.onCPU():
		return benchOnDevice(c, g, what)
	case what != "compare" && what != "step":
		return usagef("bench %q: expected compare, step, kernels, sample or samplers", what)
	}
	if c.IsSet("without") {
		return usagef("--without belongs to bench kernels, step and sample on a GPU or the emulator")
	}
	if c.Args().First() == "compare" && g.device != "auto" && g.device != "cpu" {
		return usagef("--device %s: bench compare measures the CPU; the peers on a GPU are scripts in bench/peers", g.device)
	}
	asJSON, err := g.tabular(c, "table")
	if err != nil {
		return err
	}
	o, err := benchOptions(c, g)
	if err != nil {
		return err
	}
	r := &benchRun{g: g, json: asJSON || c.Args().First() == "step"}
	o.Emit = r.emit
	if path := c.String("rows"); path != "" {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
		if err != nil {
			return err
		}
		defer f.Close()
		r.rows = json.NewEncoder(f)
	}
	if c.Args().First() == "step" {
		return bench.Steps(c.Context, o)
	}
	return r.compare(c, o)
}

// benchOptions reads what is measured from the flags.
func benchOptions(c *urfave.Context, g *globals) (bench.Options, error) {
	o := bench.Options{Presets: c.StringSlice("preset"), Batch: c.Int("batch"), Threads: g.threads, Rounds: c.Int("rounds"), Steps: c.Int("steps"),
		Warmup: c.Int("warmup"), Peers: c.String("peers"), Python: c.String("python"), Contiguous: c.Bool("contiguous"), Commit: readBuild().Version + " " + readBuild().Commit}
	for _, f := range []struct {
		name        string
		value, most int
	}{{"rounds", o.Rounds, 1000}, {"steps", o.Steps, 1000}, {"batch", o.Batch, 1 << 16}, {"warmup", o.Warmup, 1000}} {
		least := 1
		if f.name == "warmup" || !c.IsSet(f.name) {
			least = 0
		}
		if f.value < least || f.value > f.most {
			return o, usagef("--%s %d: want %d..%d", f.name, f.value, least, f.most)
		}
	}
	if o.Threads == 0 {
		o.Threads = runtime.NumCPU()
	}
	if o.Threads > runtime.NumCPU() {
		return o, usagef("--threads %d: want at most this machine's %d processors", o.Threads, runtime.NumCPU())
	}
	if len(o.Presets) == 0 {
		o.Presets = bench.Presets
	}
	for _, p := range o.Presets {
		if !slices.Contains(bench.Presets, p) {
			return o, usagef("--preset %s has no peer on the CPU: want %s", p, strings.Join(bench.Presets, " or "))
		}
	}
	if !g.quiet {
		o.Log = func(format string, a ...any) { fmt.Fprintf(g.err, format+"\n", a...) }
	}
	var err error
	o.Binary, err = os.Executable()
	return o, err
}

// benchRun prints rows.
type benchRun struct {
	g    *globals
	json bool
	rows *json.Encoder // nil without --rows
}

// emit writes a row where it is wanted, at once.
func (r *benchRun) emit(row any) error {
	if r.rows != nil {
		if err := r.rows.Encode(row); err != nil {
			return err
		}
	}
	if !r.json {
		return nil
	}
	return json.NewEncoder(r.g.out).Encode(row)
}

func (r *benchRun) compare(c *urfave.Context, o bench.Options) error {
	results, err := bench.Compare(c.Context, o)
	if err != nil {
		return err
	}
	if !r.json {
		if err := bench.WriteTable(r.g.out, results); err != nil {
			return err
		}
	}
	if path := c.String("plot"); path != "" {
		img, err := bench.Plot(results)
		if err != nil {
			return err
		}
		if err := viz.WritePNG(path, img); err != nil {
			return err
		}
	}
	for _, row := range results {
		if row.Void() {
			return fmt.Errorf("the comparison of %s is void: parity %s", row.Preset, row.Parity)
		}
	}
	return nil
}
