package main

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// The first loss of a network whose last layer starts at almost zero is the mean square of the noise.
func TestRowsOfAPreset(t *testing.T) {
	var out bytes.Buffer
	if err := run(&out, "fashion-mnist", 2, 1, 1, 1, 0); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines, want a round and the total:\n%s", len(lines), out.String())
	}
	var first, total row
	for line, r := range map[string]*row{lines[0]: &first, lines[1]: &total} {
		if err := json.Unmarshal([]byte(line), r); err != nil {
			t.Fatal(err)
		}
	}
	if first.Parameters != 2_734_945 || first.Batch != 2 || math.Abs(first.Loss-1) > 0.2 || !(first.Median > 0) {
		t.Errorf("first row %+v", first)
	}
	if total.Round != -1 || total.Steps != 1 {
		t.Errorf("total %+v", total)
	}
}

func TestRunRefuses(t *testing.T) {
	for _, c := range []struct {
		preset                  string
		batch, rounds, steps, n int
	}{{"no-such", 1, 1, 1, 1}, {"fashion-mnist", -1, 1, 1, 1}, {"fashion-mnist", 1, 0, 1, 1}, {"fashion-mnist", 1, 1, 1, 0}} {
		if err := run(&bytes.Buffer{}, c.preset, c.batch, c.n, c.rounds, c.steps, 0); err == nil {
			t.Errorf("%+v: no error", c)
		}
	}
}
