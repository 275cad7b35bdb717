package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/train"
)

func dataCommand() *urfave.Command {
	return &urfave.Command{
		Name:      "data",
		Usage:     "look at a data set before training on it",
		ArgsUsage: "info PATH",
		Description: "info  count, sizes, channels, classes, mean and variance of a data set, and every picture in it that cannot be read.\n" +
			"PATH is what train --data takes: a folder or .zip of pictures, a folder of IDX files, CIFAR-10 or CIFAR-100\n" +
			"(a folder or the .tar.gz), a .npy or .npz array, or the name of a 2-D set. The exit code is 1 where pictures are bad.\n" +
			"With --json: one object with \"source\", \"kind\", \"train\", \"held_out\", \"channels\", \"height\", \"width\", \"classes\", \"samples_scanned\",\n" +
			"\"mean\", \"variance\", \"min\", \"max\", \"pictures\", \"notes\", \"bad\" and \"samples_per_second\".",
		Flags: []urfave.Flag{
			&urfave.IntFlag{Name: "size", Value: 64, Usage: "bring pictures to `N` x N pixels, as network.sample_size does in training"},
			&urfave.BoolFlag{Name: "grey", Usage: "bring pictures to one channel"},
			&urfave.StringFlag{Name: "layout", Value: data.LayoutAuto, Usage: "`LAYOUT` of .npy and .npz images: auto, nhwc, nchw or nhw (data.layout)"},
			&urfave.IntFlag{Name: "samples", Usage: "look at the first `N` samples", DefaultText: "all"},
			&urfave.StringFlag{Name: "out", Usage: "write a contact sheet of 64 samples to this PNG `FILE`"},
			&urfave.IntFlag{Name: "workers", Usage: "`N` goroutines that decode", DefaultText: "one a processor"},
			&urfave.Float64Flag{Name: "speed", Usage: "also load batches for this many `SECONDS`, nothing cached, and print samples a second"},
		},
		Action: runData,
	}
}

func runData(c *urfave.Context) error {
	g, err := readGlobals(c)
	if err != nil {
		return err
	}
	if c.NArg() != 2 || c.Args().First() != "info" {
		return usagef("data what? Want data info PATH; see unnoise data --help")
	}
	o, err := dataOptions(c, g)
	if err != nil {
		return err
	}
	set, err := data.OpenSet(o)
	if err != nil {
		return err
	}
	defer set.Close()
	d, err := data.Describe(c.Context, set, o.Source, c.Int("samples"), o.Workers)
	if err != nil {
		return err
	}
	info := &dataInfo{Description: d}
	if seconds := c.Float64("speed"); seconds > 0 && len(d.BadSamples) == 0 {
		if info.Speed, err = loadingSpeed(c.Context, o, time.Duration(seconds*float64(time.Second))); err != nil {
			return err
		}
	}
	if path := c.String("out"); path != "" {
		if err := contactSheet(c.Context, set, d, path); err != nil {
			return err
		}
	}
	if g.json {
		err = json.NewEncoder(g.out).Encode(info)
	} else {
		err = info.print(g.out)
	}
	if n := len(d.BadSamples); n > 0 && err == nil {
		err = fmt.Errorf("%d of %d pictures cannot be read: repair or remove them, or train with --set data.skip_bad=true", n, d.Scanned)
	}
	return err
}

// dataOptions reads what is to be opened.
func dataOptions(c *urfave.Context, g *globals) (data.Options, error) {
	side := c.Int("size")
	o := data.Options{Source: c.Args().Get(1), Points: 10000, Seed: c.Uint64("seed"), Channels: 3, Height: side, Width: side,
		Layout: c.String("layout"), Workers: c.Int("workers")}
	if c.Bool("grey") {
		o.Channels = 1
	}
	switch {
	case side < 1:
		return o, usagef("--size %d: want at least 1", side)
	case c.Int("samples") < 0:
		return o, usagef("--samples %d: want at least 1", c.Int("samples"))
	case c.IsSet("workers") && o.Workers < 1:
		return o, usagef("--workers %d: want at least 1", o.Workers)
	}
	if g.threads > 0 {
		runtime.GOMAXPROCS(g.threads)
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if out := c.String("out"); out != "" {
		if !strings.HasSuffix(out, ".png") {
			return o, usagef("--out %s: a contact sheet is a .png file", out)
		}
		return o, checkWritable(out)
	}
	return o, nil
}

// loadingSpeed makes shuffled batches of 64 for some time, decoding each picture, and returns samples a second.
func loadingSpeed(ctx context.Context, o data.Options, long time.Duration) (float64, error) {
	o.CacheBytes = -1
	set, err := data.OpenSet(o)
	if err != nil {
		return 0, err
	}
	defer set.Close()
	l, err := data.NewLoader(set.Train, data.LoaderConfig{Flip: true, Workers: o.Workers})
	if err != nil {
		return 0, err
	}
	const batch = 64
	x := make([]float32, batch*data.SampleSize(set.Train))
	began, n := time.Now(), 0
	for n == 0 || time.Since(began) < long {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := l.Batch(uint64(n), data.Batch{X: x}); err != nil {
			return 0, err
		}
		n += batch
	}
	return float64(n) / time.Since(began).Seconds(), nil
}

// contactSheet draws up to 64 samples in the order in which training sees them.
func contactSheet(ctx context.Context, set *data.Set, d *data.Description, path string) error {
	n, points := min(64, set.Train.Len()), d.Height*d.Width == 1
	if !train.Drawable(d.Channels, points) {
		return fmt.Errorf("samples of %d channels cannot be drawn", d.Channels)
	}
	if points {
		n = set.Train.Len()
	}
	const bytes = 16 // a value: the sample, its planar copy, the canvas
	if err := checkMemory(bytes*int64(n)*int64(data.SampleSize(set.Train)), fmt.Sprintf("a contact sheet of %d samples", n), "lower --size, or leave out --out"); err != nil {
		return err
	}
	l, err := data.NewLoader(set.Train, data.LoaderConfig{})
	if err != nil {
		return err
	}
	x := model.NewImages(n, d.Height, d.Width, d.Channels)
	size := data.SampleSize(set.Train)
	drawn := 0
	for at := range set.Train.Len() {
		if drawn == n {
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if l.Batch(uint64(at), data.Batch{X: x.Data[drawn*size : (drawn+1)*size]}) == nil { // bad pictures are listed elsewhere
			drawn++
		}
	}
	if drawn == 0 {
		return fmt.Errorf("%s: no sample can be drawn", d.Source)
	}
	x.N, x.Data = drawn, x.Data[:drawn*size]
	return train.WritePicture(path, x, points)
}

// dataInfo is what data info prints.
type dataInfo struct {
	*data.Description
	Speed float64 `json:"samples_per_second,omitempty"`
}

func (d *dataInfo) print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	row := func(key, format string, args ...any) { fmt.Fprintf(tw, key+"\t"+format+"\n", args...) }
	row("source", "%s", d.Source)
	row("kind", "%s", d.Kind)
	row("samples", "%d to train on, %d held out", d.Train, d.HeldOut)
	if p := d.Pictures; p != nil {
		var formats []string
		for name, n := range p.Formats {
			formats = append(formats, fmt.Sprintf("%d %s", n, name))
		}
		slices.Sort(formats)
		row("files", "%s", strings.Join(formats, ", "))
		row("sizes", "%dx%d to %dx%d, median %dx%d (width x height)", p.Smallest[0], p.Smallest[1], p.Largest[0], p.Largest[1], p.Median[0], p.Median[1])
	}
	row("a sample", "%d channels, height %d, width %d", d.Channels, d.Height, d.Width)
	if len(d.Classes) > 0 {
		var classes []string
		for _, c := range d.Classes[:min(len(d.Classes), 20)] {
			classes = append(classes, fmt.Sprintf("%s %d", c.Name, c.Count))
		}
		if len(d.Classes) > 20 {
			classes = append(classes, "...")
		}
		row("classes", "%d: %s", len(d.Classes), strings.Join(classes, ", "))
	} else {
		row("classes", "none")
	}
	row("mean", "%s by channel", numbers(d.Mean))
	row("variance", "%s by channel", numbers(d.Variance))
	row("range", "%.4g to %.4g (-1 is black, 1 is white), %d samples looked at", d.Min, d.Max, d.Scanned)
	if d.Speed > 0 {
		row("loading", "%.0f samples a second", d.Speed)
	}
	for _, b := range d.BadSamples {
		row("bad", "%s: %s", b.Path, b.Error)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, note := range d.Notes {
		fmt.Fprintln(w, note)
	}
	return nil
}

// numbers prints up to eight numbers.
func numbers(list []float64) string {
	var text []string
	for _, x := range list[:min(len(list), 8)] {
		text = append(text, fmt.Sprintf("%.4f", x))
	}
	if len(list) > 8 {
		text = append(text, "...")
	}
	return strings.Join(text, " ")
}
