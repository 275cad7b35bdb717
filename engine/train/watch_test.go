package train_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unnoise/unnoise/engine/rundir"
	"github.com/unnoise/unnoise/engine/train"
	"github.com/unnoise/unnoise/engine/watch"
	"github.com/unnoise/unnoise/engine/watch/eventtest"
)

// TestWatch holds the event file of a run that was stopped after step 8, beyond the checkpoint at 5 that it goes on from, to one of a
// run in one go: the same steps and tags, none twice.
func TestWatch(t *testing.T) {
	events := func(out string) []eventtest.Event {
		list, err := eventtest.Read(filepath.Join(out, rundir.TensorBoardDir, watch.File))
		if err != nil {
			t.Fatal(err)
		}
		for i := range list {
			list[i].Wall = 0
			for k := range list[i].Values {
				if v := &list[i].Values[k]; strings.HasPrefix(v.Tag, "speed/") {
					v.Scalar = 0
				}
			}
		}
		return list
	}
	set := []string{"train.log_every=1", "log.histogram_every=4", "train.eval_every=2", "train.sample_every=6"}
	dir := t.TempDir()
	whole, parts := filepath.Join(dir, "whole"), filepath.Join(dir, "parts")
	run(t, train.Options{Recipe: tiny(t, append(set, "train.steps=12")...), Out: whole})
	run(t, train.Options{Recipe: tiny(t, append(set, "train.steps=7")...), Out: parts})
	run(t, train.Options{Recipe: tiny(t, append(set, "train.steps=12")...), Out: parts, Resume: true})
	want, tags := events(whole), map[string]int{}
	for _, e := range want {
		for _, v := range e.Values {
			tags[v.Tag]++
		}
	}
	for tag, n := range map[string]int{"loss/train": 12, "loss/held_out": 6, "samples": 2, "weights/linear_in.weight": 3, "gradients/linear_in.bias": 3} {
		if tags[tag] != n {
			t.Errorf("%d events of %s, want %d", tags[tag], tag, n)
		}
	}
	got := events(parts)
	middle := func(e eventtest.Event) bool { return e.Step == 7 && e.Values[0].Tag != "loss/train" } // the end of the first part
	kept := got[:0]
	for _, e := range got {
		if !middle(e) {
			kept = append(kept, e)
		}
	}
	if d := cmp.Diff(want, kept); d != "" {
		t.Error(d)
	}
	sessions, err := rundir.ReadSessions(parts)
	if err != nil || len(sessions) != 2 || sessions[1].Step != 7 || sessions[1].Machine != cpu().Name() {
		t.Errorf("sessions %+v, %v", sessions, err)
	}
	run(t, train.Options{Recipe: tiny(t, "train.steps=2", "log.tensorboard=false"), Out: filepath.Join(dir, "off")})
	if _, err := eventtest.Read(filepath.Join(dir, "off", rundir.TensorBoardDir, watch.File)); err == nil {
		t.Error("log.tensorboard = false writes event files")
	}
}
