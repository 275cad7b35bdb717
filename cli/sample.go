package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/npy"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/engine/sampler"
	"github.com/unnoise/unnoise/kernels"
)

// How many samples are drawn without -n, and how many at once without --batch.
const (
	defaultImages = 16
	defaultPoints = 1000
	batchImages   = 64
	batchPoints   = 5000
)

func sampleCommand() *urfave.Command {
	return &urfave.Command{
		Name:  "sample",
		Usage: "draw samples from a trained model",
		Description: "--out FILE.png is a grid of images or a scatter plot of points; FILE.npy holds N,C,H,W or N,D float32 in model units,\n" +
			"unclipped; any other name is a folder with one PNG an image. Sample i depends on --seed and i alone, not on --batch.",
		Flags: []urfave.Flag{
			&urfave.StringFlag{Name: "model", Usage: "`DIR` of a run, a checkpoint or any diffusers directory"},
			variantFlag(),
			&urfave.IntFlag{Name: "n", Usage: "`N` samples", DefaultText: fmt.Sprintf("%d images or %d points", defaultImages, defaultPoints)},
			&urfave.IntFlag{Name: "batch", Usage: "`N` samples at once", DefaultText: fmt.Sprintf("at most %d images or %d points", batchImages, batchPoints)},
			&urfave.StringFlag{Name: "sampler", Usage: "`NAME` of --list; the model's schedule stays", DefaultText: "the run's, else the model's scheduler"},
			&urfave.IntFlag{Name: "steps", Usage: "`N` sampling steps", DefaultText: "the run's, else the sampler's"},
			&urfave.Float64Flag{Name: "eta", Usage: "share of noise, `ETA`: 0 deterministic, 1 ancestral", DefaultText: "the sampler's"},
			&urfave.BoolFlag{Name: "use-clipped-model-output", Usage: "the noise estimate of ddim belongs to the clipped x_0"},
			&urfave.StringFlag{Name: "spacing", Usage: "which timesteps, `S`: leading, trailing, linspace or quadratic", DefaultText: "the model's"},
			&urfave.StringFlag{Name: "rule", Usage: "whose numbers where two differ, `RULE`: diffusers or unnoise",
				DefaultText: "unnoise for its own runs, diffusers for other directories"},
			&urfave.BoolFlag{Name: "list", Usage: "print the samplers and leave"},
			formatFlag("table", "json"),
			&urfave.StringFlag{Name: "class", Usage: "class `K` of every sample; 0,3,5 or all: in turn; none: without class"},
			&urfave.Float64Flag{Name: "guidance", Usage: "weight `W` of classifier-free guidance: 0 ignores the class, 1 is the network as it is, more is stricter",
				DefaultText: "the run's, else 1"},
			&urfave.StringFlag{Name: "noise", Usage: "start from `FILE`.npy, N,C,H,W or N,D float32, instead of drawn noise"},
			&urfave.StringFlag{Name: "weights", Value: "ema", Usage: "`KIND`: ema (moving average) or raw"},
			&urfave.StringFlag{Name: "out", Usage: "`FILE`.png, FILE.npy or DIR to write"},
			&urfave.StringFlag{Name: "gif", Usage: "also write the reverse process as an animation, `FILE`.gif"},
		},
		Action: runSample,
	}
}

func runSample(c *urfave.Context) error {
	g, err := readGlobals(c)
	if err != nil {
		return err
	}
	if c.Bool("list") {
		return listSamplers(c, g)
	}
	if err := checkSampleFlags(c); err != nil {
		return err
	}
	m, err := g.loadModel(c, c.String("weights") == "raw")
	if err != nil {
		return err
	}
	if m.Assumed != "" {
		fmt.Fprintln(g.err, m.Assumed)
	}
	o, err := sampleOptions(c, m)
	if err != nil {
		return err
	}
	mach, dtype, err := g.executor(kernels.BF16)
	if err != nil {
		return err
	}
	defer mach.Close()
	m.DType = dtype
	if err := checkSampleMemory(m, o, mach, c.String("gif") != ""); err != nil {
		return err
	}
	out, err := newSampleOutput(c.String("out"), c.String("gif"), m, o)
	if err != nil {
		return err
	}
	bar := newSampleBar(g, o)
	o.Step = func(int, int) { bar.step() }
	if len(out.frames) > 0 {
		o.After = out.frame
	}
	began := time.Now()
	x, err := sample.Draw(c.Context, m, mach, *o)
	bar.finish()
	if errors.Is(err, context.Canceled) {
		return interruption{"stopped while sampling; nothing is written"}
	}
	if err != nil {
		return err
	}
	seconds := time.Since(began).Seconds()
	if err := out.write(x); err != nil {
		return err
	}
	steps := o.Table.SampleSteps()
	return g.say(map[string]any{"event": "samples", "path": c.String("out"), "n": o.N, "sampler": o.Table.Name, "steps": steps, "seconds": seconds},
		"wrote %s: %d samples, %s, %d steps, %.1f s", c.String("out"), o.N, o.Table.Name, steps, seconds)
}

// checkSampleFlags refuses what can be refused without reading the model.
func checkSampleFlags(c *urfave.Context) error {
	for _, name := range []string{"model", "out"} {
		if c.String(name) == "" {
			return usagef("sample needs --%s; see unnoise sample --help", name)
		}
	}
	for _, name := range []string{"n", "batch", "steps"} {
		if c.IsSet(name) && c.Int(name) < 1 {
			return usagef("%s %d: want at least 1", dashed(name), c.Int(name))
		}
	}
	if eta := c.Float64("eta"); !(eta >= 0 && eta <= 1) {
		return usagef("--eta %v: want 0..1", eta)
	}
	if s := c.String("sampler"); s != "" {
		if _, err := sampler.Lookup(s); err != nil {
			return usagef("--sampler: %w", err)
		}
	}
	if s := c.String("rule"); s != "" {
		if _, err := sampler.ParseRule(s); err != nil {
			return usagef("--rule: %w", err)
		}
	}
	if s := c.String("spacing"); s != "" {
		if _, err := sampler.ParseSpacing(s); err != nil {
			return usagef("--spacing %q: want leading, trailing, linspace or quadratic", s)
		}
	}
	if w := c.String("weights"); w != "ema" && w != "raw" {
		return usagef("--weights %q: want ema or raw", w)
	}
	if f := c.String("gif"); f != "" && !strings.EqualFold(extension(f), ".gif") {
		return usagef("--gif %s: want a name that ends in .gif", f)
	}
	return checkOutName(c.String("out"))
}

// sampleOptions reads what to draw.
func sampleOptions(c *urfave.Context, m *model.Model) (*sample.Options, error) {
	o := &sample.Options{N: c.Int("n"), Batch: c.Int("batch"), Seed: c.Uint64("seed")}
	if path := c.String("noise"); path != "" {
		x, err := readImages(path)
		if err != nil {
			return nil, err
		}
		if c.IsSet("n") && c.Int("n") != x.N {
			return nil, usagef("-n %d: %s holds %d samples", c.Int("n"), path, x.N)
		}
		if x.C != m.C {
			return nil, fmt.Errorf("%s: samples of %d channels, the model has %d", path, x.C, m.C)
		}
		if err := m.Signature.Fits(x.H, x.W); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		o.Noise, o.N = x, x.N
	}
	images, batch := defaultImages, batchImages
	if m.Points() {
		images, batch = defaultPoints, batchPoints
	}
	if o.N == 0 {
		o.N = images
	}
	if o.Batch == 0 {
		o.Batch = min(o.N, batch)
	}
	r, err := recipeOf(c, c.String("model"), m)
	if err != nil {
		return nil, err
	}
	if err := readClass(c, m, r, o); err != nil {
		return nil, err
	}
	o.Table, err = sampleTable(c, m, r)
	return o, err
}

// sampleTable makes the chain: flags over the run's own sampler over the scheduler of the directory.
func sampleTable(c *urfave.Context, m *model.Model, r *recipe.Recipe) (*sampler.Table, error) {
	var s sample.Method
	if r != nil {
		s = r.Sampler()
	}
	if name := c.String("sampler"); name != "" && name != s.Name {
		s = sample.Method{Name: name}
	}
	if c.IsSet("steps") {
		s.Steps = c.Int("steps")
	}
	if c.IsSet("eta") {
		eta := c.Float64("eta")
		s.Eta = &eta
	}
	if c.IsSet("spacing") {
		s.Spacing = sampler.Spacing(c.String("spacing"))
	}
	s.Rule, s.UseClippedModelOutput = sampler.Rule(c.String("rule")), c.Bool("use-clipped-model-output")
	t, err := sample.Table(m, s)
	if err != nil {
		return nil, usageError{err}
	}
	return t, nil
}

// readImages reads an N,C,H,W or N,D float32 array.
func readImages(path string) (*model.Images, error) {
	d, err := npy.ReadFile(path)
	if err != nil {
		return nil, err
	}
	x, err := model.FromDense(d)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return x, nil
}

// checkSampleMemory refuses requests that this machine's memory cannot hold: the samples themselves, with those of each frame of an
// animation, or the network's batch.
func checkSampleMemory(m *model.Model, o *sample.Options, mach exec.Executor, animated bool) error {
	h, w := m.H, m.W
	if o.Noise != nil {
		h, w = o.Noise.H, o.Noise.W
	}
	size := 4 * float64(h) * float64(w) * float64(m.C)
	copies, what := 2, fmt.Sprintf("drawing %d samples in one run", o.N)
	if animated {
		copies, what = copies+min(len(o.Table.Steps), gifFrames), fmt.Sprintf("an animation of %d samples", o.N)
	}
	total := float64(copies) * size * float64(o.N)
	if total > 1<<62 {
		return usagef("-n %d: too many samples", o.N)
	}
	if err := checkMemory(int64(total), what, "draw fewer, with several seeds"); err != nil {
		return err
	}
	batch := o.Batch
	if o.Guidance != 0 && o.Guidance != 1 {
		batch *= 2
	}
	p, err := m.PredictProgram(batch, h, w)
	if err != nil {
		return err
	}
	return checkDeviceMemory(mach, memory(p), fmt.Sprintf("sampling batches of %d", o.Batch), "lower --batch")
}
