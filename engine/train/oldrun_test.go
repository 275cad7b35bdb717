package train_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/report"
	"github.com/unnoise/unnoise/engine/rundir"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/engine/train"
)

// TestRunOfFirstRelease resumes, samples and reports a run that the program of commit 9bb14b0 wrote,
// with every renamed key in its former spelling. This must work for good: runs of users live longer
// than versions. A change that breaks it needs code that reads the old form, never another run in
// testdata. The run was made by
//
//	unnoise train --preset swissroll --steps 20 --set network.hidden=16 --set network.layers=2 --set network.time_embed_dim=16
//	  --set data.points=200 --set train.batch=16 --set train.accumulate=2 --set train.warmup=5 --set train.clip=0.5
//	  --set train.horizon=40 --set train.keep=1 --set diffusion.clip=3 --set diffusion.delta=0.5 --set sample.guidance=1
//	  --set train.eval_samples=20 --set train.sample_count=50 --set train.log_every=5 --set train.checkpoint_every=10
//	  --set log.histogram_every=20
func TestRunOfFirstRelease(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "run-9bb14b0"))); err != nil {
		t.Fatal(err)
	}
	reads(t, dir)
	r, err := recipe.ReadFile(filepath.Join(dir, rundir.ConfigFile), []string{"train.steps=24"})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(r.Renamed()); n != 11 {
		t.Errorf("%d keys in their former spelling, expected 11: %v", n, r.Renamed())
	}
	var w warned
	res := run(t, train.Options{Recipe: r, Out: dir, Resume: true, OnWarning: w.add})
	if res.Step != 24 || len(w) > 0 {
		t.Errorf("resumed to step %d with warnings %q, expected step 24 and none", res.Step, w)
	}
	lines, err := rundir.ReadMetrics(dir)
	if err != nil {
		t.Fatal(err)
	}
	steps := map[int]bool{}
	for _, l := range lines {
		steps[l.Step] = true
	}
	for _, step := range []int{5, 20, 24} {
		if !steps[step] {
			t.Errorf("metrics.jsonl lacks step %d", step)
		}
	}
	reads(t, dir)
	run(t, train.Options{Recipe: r, Out: dir, Resume: true}) // with the recipe in today's spelling
}

// reads samples a run and writes its report.
func reads(t *testing.T, dir string) {
	t.Helper()
	m, err := model.Load(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	x, err := sample.Draw(context.Background(), m, cpu(), sample.Options{N: 3, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range x.Data {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			t.Fatalf("samples %v", x.Data)
		}
	}
	page := filepath.Join(t.TempDir(), "report.html")
	var w warned
	err = report.Write(context.Background(), dir, page, report.Options{Executor: cpu(), Samples: 20, Steps: 3, OnWarning: w.add})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(page); err != nil || info.Size() < 10_000 {
		t.Errorf("report %+v, %v", info, err)
	}
}
