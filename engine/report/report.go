// Package report makes one HTML file of a run: curves, samples along training, the reverse process, configuration, machines and
// checkpoints. The file holds everything it shows and asks the network for nothing.
package report

import (
	"bytes"
	"context"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/rundir"
	"github.com/unnoise/unnoise/engine/safefile"
	"github.com/unnoise/unnoise/engine/viz"
	"github.com/unnoise/unnoise/kernels"
)

// File is the report's name in a run directory.
const File = "report.html"

//go:embed page.html
var files embed.FS

var page = template.Must(template.ParseFS(files, "page.html"))

// Options choose what a report holds; zero values take the defaults.
type Options struct {
	Executor exec.Executor // draws the samples of the animation; nil: no animation
	DType    kernels.DType // of activations
	Pictures int           // samples along training shown at most; 8
	Samples  int           // samples of the animation; 16 images or 1500 points
	Steps    int           // sampling steps of the animation at most; 40
	Seed     uint64

	OnWarning func(text string) // about what was read; may be nil
}

func (o Options) fill() Options {
	if o.Pictures == 0 {
		o.Pictures = 8
	}
	if o.Steps == 0 {
		o.Steps = 40
	}
	return o
}

// content is what the page shows.
type content struct {
	Name        string
	Points      bool
	Tiles       []tile
	Charts      []figure
	Samples     []picture
	Animation   *picture
	Final       *picture // the animation's last state
	NoAnimation string   // why there is none
	Checkpoints []saved
	BadSteps    []rundir.BadStep
	Sessions    []rundir.Session
	Config      string
}

type tile struct{ Label, Value string }

type figure struct {
	Title  string
	Wide   bool
	Legend []legend
	SVG    template.HTML
}

type legend struct{ Class, Name string }

type picture struct {
	Caption string
	Data    template.URL
}

type saved struct {
	Step int
	Path string
	Size string
}

// Write makes the report of a run directory and writes it to a file, complete or not at all.
func Write(ctx context.Context, run, path string, o Options) error {
	o = o.fill()
	r, err := recipe.ReadFile(filepath.Join(run, rundir.ConfigFile), nil)
	if err != nil {
		return fmt.Errorf("%s is not a run of unnoise train: %w", run, err)
	}
	if list := r.Renamed(); len(list) > 0 && o.OnWarning != nil {
		o.OnWarning(fmt.Sprintf("%s: %s", filepath.Join(run, rundir.ConfigFile), recipe.RenamedText(list)))
	}
	c := &content{Name: filepath.Base(filepath.Clean(run))}
	if text, err := filepath.Abs(run); err == nil {
		c.Name = filepath.Base(text)
	}
	config, err := safefile.ReadFile(filepath.Join(run, rundir.ConfigFile), recipe.MaxBytes)
	if err != nil {
		return err
	}
	c.Config = string(config)
	lines, err := rundir.ReadMetrics(run)
	if err != nil {
		return err
	}
	c.curves(lines)
	if c.Sessions, err = rundir.ReadSessions(run); err != nil {
		return err
	}
	if err := c.samples(run, o.Pictures); err != nil {
		return err
	}
	if err := c.checkpoints(run); err != nil {
		return err
	}
	if err := c.animate(ctx, run, r, o); err != nil {
		return err
	}
	c.tiles(lines, r)
	var b bytes.Buffer
	if err := page.Execute(&b, c); err != nil {
		return err
	}
	return safefile.WriteFile(path, b.Bytes())
}

// column reads one number of the lines that have it.
func column(lines []rundir.Line, of func(rundir.Line) *float64) (x, y []float64) {
	for _, l := range lines {
		if v := of(l); v != nil {
			x, y = append(x, float64(l.Step)), append(y, *v)
		}
	}
	return x, y
}

// curves draws what metrics.jsonl holds.
func (c *content) curves(lines []rundir.Line) {
	x, loss := column(lines, func(l rundir.Line) *float64 { return l.Loss })
	hx, held := column(lines, func(l rundir.Line) *float64 { return l.HeldOut })
	gx, norm := column(lines, func(l rundir.Line) *float64 { return l.GradNorm })
	rx, rate := column(lines, func(l rundir.Line) *float64 { return l.LearningRate })
	sx, speed := column(lines, func(l rundir.Line) *float64 { return l.SamplesPerSecond })
	charts := []chart{
		{title: "Loss", log: true, series: []series{{"training", "faint", x, loss}, {"training, smoothed", "line", x, smoothed(loss)},
			{"held out", "dots", hx, held}}},
		{title: "Held-out loss by time", log: true, series: quartiles(lines)},
		{title: "Gradient norm", log: true, series: []series{{"before clipping", "faint", gx, norm}, {"smoothed", "line", gx, smoothed(norm)}}},
		{title: "Learning rate", series: []series{{"learning rate", "line", rx, rate}}},
		{title: "Samples per second", series: []series{{"since the program began", "line", sx, speed}}},
	}
	charts = slices.DeleteFunc(charts, func(ch chart) bool { return len(ch.clean().series) == 0 })
	if len(charts) > 0 { // two columns without a gap
		charts[0].wide = len(charts)%2 == 1
	}
	for _, ch := range charts {
		svg := ch.svg()
		f := figure{Title: ch.title, Wide: ch.wide, SVG: svg}
		for _, s := range ch.clean().series {
			f.Legend = append(f.Legend, legend{s.class, s.name})
		}
		c.Charts = append(c.Charts, f)
	}
	for _, l := range lines {
		if l.BadStep != nil {
			c.BadSteps = append(c.BadSteps, *l.BadStep)
		}
	}
}

// quartiles are the held-out losses by quartile of t; none where there was one evaluation only, which the loss chart shows.
func quartiles(lines []rundir.Line) []series {
	list := []series{{name: "least noise", class: "q1"}, {name: "second quarter", class: "q2"}, {name: "third quarter", class: "q3"},
		{name: "most noise", class: "q4"}}
	for _, l := range lines {
		for q := range list {
			if len(l.Quartiles) == len(list) && l.Quartiles[q] != nil {
				list[q].x, list[q].y = append(list[q].x, float64(l.Step)), append(list[q].y, *l.Quartiles[q])
			}
		}
	}
	if !slices.ContainsFunc(list, func(s series) bool { return len(s.x) > 1 }) {
		return nil
	}
	return list
}

var stepPicture = regexp.MustCompile(`^step-(0|[1-9]\d*)\.png$`)

// samples takes the pictures drawn along training, evenly over them.
func (c *content) samples(run string, most int) error {
	dir := filepath.Join(run, "samples")
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var steps []int
	for _, e := range entries {
		if m := stepPicture.FindStringSubmatch(e.Name()); m != nil {
			if step, err := strconv.Atoi(m[1]); err == nil {
				steps = append(steps, step)
			}
		}
	}
	sort.Ints(steps)
	for _, i := range viz.Frames(len(steps), most) {
		data, err := safefile.ReadFile(filepath.Join(dir, fmt.Sprintf("step-%d.png", steps[i])), 0)
		if err != nil {
			return err
		}
		c.Samples = append(c.Samples, picture{fmt.Sprintf("step %d", steps[i]), dataURL("image/png", data)})
	}
	return nil
}

// dataURL is a picture inside the page.
func dataURL(kind string, data []byte) template.URL {
	return template.URL("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(data))
}

// checkpoints lists what can be loaded, with the bytes on disk.
func (c *content) checkpoints(run string) error {
	list, err := checkpoint.List(filepath.Join(run, checkpoint.CheckpointsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, k := range list {
		var size int64
		err := filepath.WalkDir(k.Path, func(_ string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err == nil {
				size += info.Size()
			}
			return err
		})
		if err != nil {
			return err
		}
		c.Checkpoints = append(c.Checkpoints, saved{k.Step, filepath.Join(checkpoint.CheckpointsDir, filepath.Base(k.Path)),
			fmt.Sprintf("%.1f MB", float64(size)/1e6)})
	}
	return nil
}

// tiles are the numbers on top.
func (c *content) tiles(lines []rundir.Line, r *recipe.Recipe) {
	add := func(label, format string, args ...any) {
		c.Tiles = append(c.Tiles, tile{label, fmt.Sprintf(format, args...)})
	}
	var last rundir.Line
	var held, speed *float64
	for _, l := range lines {
		last.Step = max(last.Step, l.Step)
		if l.HeldOut != nil {
			held = l.HeldOut
		}
		if l.SamplesPerSecond != nil {
			speed = l.SamplesPerSecond
		}
	}
	add("steps", "%d of %d", last.Step, r.Train.Steps)
	if _, loss := column(lines, func(l rundir.Line) *float64 { return l.Loss }); len(loss) > 0 {
		add("training loss", "%.5f", smoothed(loss)[len(loss)-1])
	}
	if held != nil {
		add("held-out loss", "%.5f", *held)
	}
	if cfg, err := r.NetworkConfig(); err == nil {
		if sched, err := r.Scheduler(); err == nil {
			if m, err := model.Describe(cfg, sched); err == nil {
				c.Points = m.Points()
				add("parameters", "%s", number(float64(m.Params.Count())))
			}
		}
	}
	add("batch", "%d", r.Train.MicroBatch*r.Train.MicroBatches)
	if speed != nil {
		add("samples/s", "%.0f", *speed)
	}
	add("bad steps", "%d", len(c.BadSteps))
}
