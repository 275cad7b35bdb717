package kernels_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/kernels"
	_ "github.com/unnoise/unnoise/kernels/all" // register
	"github.com/unnoise/unnoise/kernels/conv"
	"github.com/unnoise/unnoise/kernels/diffusion"
)

var update = flag.Bool("update", false, "add the keys of new cases to testdata/attributes.txt")

var a100 = kernels.Props{Backend: "cuda", Major: 8, SMs: 108, Shared: 163 << 10}

// convolution is a call that several variants support.
func convolution() *kernels.Call {
	x, w, y := kernels.Dense(kernels.F32, 1, 8, 8, 16), kernels.Dense(kernels.F32, 16, 3, 3, 16), kernels.Dense(kernels.F32, 1, 8, 8, 16)
	return &kernels.Call{Op: conv.Conv2D{Geometry: conv.Same(3)}, In: []*kernels.Operand{{Spec: x, Addr: 256}, {Spec: w, Addr: 256}},
		Out: []*kernels.Operand{{Spec: y, Addr: 256}}}
}

// supporting lists the CUDA variants that support a call.
func supporting(c *kernels.Call) []kernels.Variant {
	var list []kernels.Variant
	for _, v := range kernels.Lookup(c.Op.Name()).Variants {
		if v.Backend == "cuda" && v.Kernel.Supports(c, a100) == nil {
			list = append(list, v)
		}
	}
	return list
}

func choose(t *testing.T, c *kernels.Call, s kernels.Selection) string {
	t.Helper()
	v, err := kernels.Choose(c, a100, s)
	if err != nil {
		t.Fatal(err)
	}
	return v.Name
}

// TestTuning: a measured table overrules the order of the variants where the named one supports the call, and nothing else. Tables that
// hold purposes in place of names mean the same.
func TestTuning(t *testing.T) {
	c := convolution()
	able := supporting(c)
	if len(able) < 2 {
		t.Fatalf("%d variants support the call, expected several", len(able))
	}
	if got := choose(t, c, kernels.Selection{}); got != able[0].Name {
		t.Errorf("variant %q is taken, expected %q", got, able[0].Name)
	}
	for _, v := range able {
		for _, name := range []string{v.Name, v.Doc} {
			if got := choose(t, c, kernels.Selection{Tuning: kernels.Table{kernels.Key(c, a100): name}}); got != v.Name {
				t.Errorf("the table names %q, %q is taken", name, got)
			}
		}
	}
	if got := choose(t, c, kernels.Selection{Tuning: kernels.Table{kernels.Key(c, a100): "gone"}}); got != able[0].Name {
		t.Errorf("the table names a variant that does not exist, %q is taken, expected %q", got, able[0].Name)
	}
}

// TestExclude passes over variants by name or purpose, those that a table names included.
func TestExclude(t *testing.T) {
	c := convolution()
	able := supporting(c)
	for _, text := range []string{able[0].Name, able[0].Doc} {
		s := kernels.Selection{Tuning: kernels.Table{kernels.Key(c, a100): able[0].Name}, Exclude: regexp.MustCompile("^" + regexp.QuoteMeta(text) + "$")}
		if got := choose(t, c, s); got != able[1].Name {
			t.Errorf("without %q, %q is taken, expected %q", text, got, able[1].Name)
		}
	}
}

// TestReadTable reads a table of version v0.1: the key of an operator whose first attribute was cut, purposes in place of names.
func TestReadTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table.json")
	if table, err := kernels.ReadTable(path); table != nil || err != nil {
		t.Errorf("no file: %v, %v", table, err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := kernels.ReadTable(path); err == nil {
		t.Error("half a file is read")
	}
	old := `{"sm_80/108 noising { Transpose:false} f32[1,1,1,8] f32[1,1,1,8]": "any pitch: neighbouring lanes access neighbouring elements",
		"sm_80/108 conv2d {Geometry:{KH:3 KW:3 Stride:0 PadTop:1 PadBottom:1 PadLeft:1 PadRight:1 Dilation:0 Circular:false Upsample2x:false} ` +
		`OutF32:false ChannelStats:false} f32[1,8,8,16] f32[16,3,3,16] f32[1,8,8,16]": "plain multiply-adds, tiles of 64x64"}`
	if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	table, err := kernels.ReadTable(path)
	if err != nil {
		t.Fatal(err)
	}
	x := &kernels.Operand{Spec: kernels.Dense(kernels.F32, 1, 1, 1, 8)}
	noising := kernels.Key(&kernels.Call{Op: diffusion.Noising{Stream: 7}, In: []*kernels.Operand{x}, Out: []*kernels.Operand{x}}, a100)
	if got := choose(t, convolution(), kernels.Selection{Tuning: table}); got != "simt_64x64" {
		t.Errorf("the old table's variant of a convolution is not taken but %q", got)
	}
	if n := table.Rename(); n != 2 || table[noising] != "any_pitch" || table[kernels.Key(convolution(), a100)] != "simt_64x64" {
		t.Errorf("%d entries renamed: %v", n, table)
	}
	if n := table.Rename(); n != 0 {
		t.Errorf("%d entries of a new table renamed", n)
	}
}

// TestAttributes holds the attributes of all operators' cases, which tuning tables keep, to those of testdata/attributes.txt: a line that
// no case gives any more is an entry that tables lose. Lines of new cases are added by -update; nothing demands them.
func TestAttributes(t *testing.T) {
	var now []string
	for _, f := range kernels.Families() {
		for _, cs := range f.Op.Cases() {
			now = append(now, cs.Op.Name()+" "+kernels.Attributes(cs.Op))
		}
	}
	slices.Sort(now)
	now = slices.Compact(now)
	path := "testdata/attributes.txt"
	if *update {
		if err := os.WriteFile(path, []byte(strings.Join(now, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSuffix(line, "\n"); !slices.Contains(now, line) {
			t.Errorf("no case has the attributes %q: keep the key tags of renamed fields, tag added fields with omitzero", line)
		}
	}
}

// late is an operator with an attribute that came later, and one that decides about values alone.
type late struct {
	conv.Conv2D `key:"-"`
	Renamed     int  `key:"Was"`
	Added       bool `key:"Added,omitzero"`
	Stream      int  `key:"-"`
}

// TestAddedAttributes: an attribute that is added later leaves keys as they were while it is zero.
func TestAddedAttributes(t *testing.T) {
	for want, op := range map[string]late{"{Was:2}": {Renamed: 2, Stream: 9}, "{Was:0 Added:true}": {Added: true}} {
		if got := kernels.Attributes(op); got != want {
			t.Errorf("attributes %q, expected %q", got, want)
		}
	}
}
