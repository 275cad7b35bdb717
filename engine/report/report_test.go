package report_test

import (
	"context"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/report"
	"github.com/unnoise/unnoise/engine/rundir"
	"github.com/unnoise/unnoise/engine/train"
)

// rolls trains a small swiss roll in a folder whose name is a trap for pages that do not escape.
func rolls(t *testing.T) string {
	t.Helper()
	r, err := recipe.Preset("swissroll", []string{"network.hidden=16", "network.layers=2", "network.time_embed_dim=16", "data.num_points=500",
		"train.micro_batch=32", "train.steps=20", "train.log_every=2", "train.eval_samples=64", "train.eval_every=5", "train.sample_count=100",
		"train.sample_every=5", "train.checkpoint_every=10"})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "<b>run & co")
	if _, err := train.Run(context.Background(), train.Options{Recipe: r, Out: dir, Executor: exec.NewCPU(exec.CPUOptions{Workers: 2})}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// write makes a report and returns its text.
func write(t *testing.T, run string, o report.Options) string {
	t.Helper()
	path := filepath.Join(run, report.File)
	if err := report.Write(context.Background(), run, path, o); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	link     = regexp.MustCompile(`(?:src|href)="([^"]*)`)
	external = regexp.MustCompile(`(?i)https?:|<script|@import|url\(`)
)

// TestReport looks for every part of a run's page, and for anything that a browser would fetch.
func TestReport(t *testing.T) {
	run := rolls(t)
	line := `{"step":4,"bad_step":{"step":5,"tensor":"output 0 of <conv>"}}` + "\n"
	f, err := os.OpenFile(filepath.Join(run, rundir.MetricsFile), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(line + `{"step":20,"loss":0.5` /* cut off */); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := os.WriteFile(filepath.Join(run, "samples", "step-007.png"), nil, 0o666); err != nil { // another's file
		t.Fatal(err)
	}
	text := write(t, run, report.Options{Executor: exec.NewCPU(exec.CPUOptions{Workers: 2}), Samples: 50, Steps: 6})
	for _, want := range []string{"&lt;b&gt;run &amp; co<", "20 of 20", "<h3>Loss</h3>", "<h3>Gradient norm</h3>", "<h3>Held-out loss by time</h3>",
		"data:image/gif;base64,", "step 5</figcaption>", "step 20</figcaption>", "checkpoints/step-10", "cpu (2 threads)", "learning_rate = ",
		"<td>5</td><td>output 0 of &lt;conv&gt;</td>", "ddim-6"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := strings.Count(text, "<polyline"); n < 8 {
		t.Errorf("%d curves, want 8 and more", n)
	}
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(m[1], "data:") {
			t.Errorf("the page fetches %q", m[1])
		}
	}
	if m := external.FindString(text); m != "" {
		t.Errorf("the page holds %q", m)
	}
	for _, bad := range []string{"NaN", "Inf", "ZgotmplZ", "<b>run"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
}

// TestEmpty makes a page of a run that has its configuration only, and refuses a folder that is none.
func TestEmpty(t *testing.T) {
	run := t.TempDir()
	if err := report.Write(context.Background(), run, filepath.Join(run, "x.html"), report.Options{}); err == nil ||
		!strings.Contains(err.Error(), "is not a run of unnoise train") {
		t.Errorf("error %v", err)
	}
	r, err := recipe.Preset("fashion-mnist", nil)
	if err != nil {
		t.Fatal(err)
	}
	config, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(run, rundir.ConfigFile), config, 0o666); err != nil {
		t.Fatal(err)
	}
	text := write(t, run, report.Options{Executor: exec.NewCPU(exec.CPUOptions{})})
	for _, want := range []string{"0 of 2000", "Nothing is recorded yet", "the run has no checkpoint yet", "No samples were drawn", "None yet"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// TestChromium opens a page in headless Chromium, where it is installed: the browser says nothing on its console. A page with a mistake
// shows that the test would hear it.
func TestChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes seconds to start")
	}
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := osexec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		t.Skip("no chromium on this machine (Debian: chromium)")
	}
	run := rolls(t)
	write(t, run, report.Options{Executor: exec.NewCPU(exec.CPUOptions{}), Samples: 50, Steps: 6})
	mistake := filepath.Join(t.TempDir(), "mistake.html")
	if err := os.WriteFile(mistake, []byte(`<meta http-equiv="Content-Security-Policy" content="img-src data:"><img src="http://127.0.0.1:9/x.png">`), 0o666); err != nil {
		t.Fatal(err)
	}
	console := func(path string) []string {
		out, err := osexec.Command(browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--user-data-dir="+t.TempDir(),
			"--dump-dom", "file://"+path).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if !strings.Contains(string(out), "</html>") {
			t.Errorf("%s was not opened: %.500s", path, out)
		}
		var lines []string
		for _, l := range strings.Split(string(out), "\n") {
			if strings.Contains(l, ":CONSOLE:") {
				lines = append(lines, l)
			}
		}
		return lines
	}
	if lines := console(filepath.Join(run, report.File)); len(lines) > 0 {
		t.Errorf("the console says:\n%s", strings.Join(lines, "\n"))
	}
	if lines := console(mistake); len(lines) == 0 {
		t.Error("the console says nothing about a page with a mistake: this test hears nothing")
	}
}
