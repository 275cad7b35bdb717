package cli_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cli"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// mirror is an operator that only this file knows: a copy under its own name, with the kernels of copy.
type mirror struct {
	elementwise.Copy `key:"Copy"`
}

func (mirror) Name() string { return "mirror" }

func (mirror) Cases() []kernels.Case {
	cases := elementwise.Copy{}.Cases()
	for i := range cases {
		cases[i].Op = mirror{}
	}
	return cases
}

// TestOnePlaceForAnOperator adds an operator with one line. The suite of operators, check on the CPU and on the emulator and the names
// that bench takes know it, with no other edit.
func TestOnePlaceForAnOperator(t *testing.T) {
	if kernels.Lookup("mirror") == nil { // the test may run more than once
		kernels.Register(mirror{}, kernels.Lookup("copy").Variants...)
	}
	t.Run("suite", func(t *testing.T) { kerneltest.Run(t, "mirror") })
	for _, device := range []string{"cpu", "emu"} {
		code, out, errs := command("check", "--device", device, "--op", "^mirror$", "--format", "json")
		if code != 0 {
			t.Fatalf("check on %s ends with %d: %s", device, code, errs)
		}
		variants := map[string]bool{}
		for line := range strings.Lines(out) {
			var row struct {
				Op      string
				Variant string
				Status  string
			}
			if err := json.Unmarshal([]byte(line), &row); err != nil || row.Op != "mirror" || row.Status != "ok" {
				t.Errorf("row %s, error %v", line, err)
			}
			variants[row.Variant] = true
		}
		if want := map[string][]string{"cpu": {"cpu/1", "gradient"}, "emu": {"cuda/1"}}[device]; !hasAll(variants, want) {
			t.Errorf("check on %s has rows of %v, expected %v", device, variants, want)
		}
	}
	if code, _, errs := command("bench", "kernels", "--device", "emu", "--op", "^nothing$"); code != 2 || !strings.Contains(errs, "mirror") {
		t.Errorf("bench ends with %d and does not list mirror: %s", code, errs)
	}
}

func hasAll(set map[string]bool, names []string) bool {
	for _, n := range names {
		if !set[n] {
			return false
		}
	}
	return true
}

// command runs the program inside the test.
func command(args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = cli.Main(append([]string{"unnoise"}, args...), &o, &e)
	return code, o.String(), e.String()
}
