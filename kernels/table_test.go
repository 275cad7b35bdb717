package kernels_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/unnoise/unnoise/kernels"
	_ "github.com/unnoise/unnoise/kernels/all" // register
	"github.com/unnoise/unnoise/kernels/conv"
)

// TestTable: a measured table overrules the order of the variants where the named one supports the call, and nothing else.
func TestTable(t *testing.T) {
	p := kernels.Props{Backend: "cuda", Major: 8, SMs: 108, Shared: 163 << 10}
	x, w, y := kernels.Dense(kernels.F32, 1, 8, 8, 16), kernels.Dense(kernels.F32, 16, 3, 3, 16), kernels.Dense(kernels.F32, 1, 8, 8, 16)
	c := &kernels.Call{Op: conv.Conv2D{Geometry: conv.Same(3)}, In: []*kernels.Operand{{Spec: x, Addr: 256}, {Spec: w, Addr: 256}},
		Out: []*kernels.Operand{{Spec: y, Addr: 256}}}
	var able []string
	for _, v := range kernels.Lookup("conv2d").Variants {
		if v.Backend == "cuda" && v.Kernel.Supports(c, p) == nil {
			able = append(able, v.Reason)
		}
	}
	choose := func() string {
		v, err := kernels.Choose(c, p)
		if err != nil {
			t.Fatal(err)
		}
		return v.Reason
	}
	if len(able) == 0 || choose() != able[0] {
		t.Fatalf("variant %q is taken of %q", choose(), able)
	}
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
	defer kernels.SetTable(nil)
	for _, n := range append(able, "gone") {
		kernels.SetTable(kernels.Table{kernels.Key(c, p): n})
		want := n
		if n == "gone" {
			want = able[0]
		}
		if got := choose(); got != want {
			t.Errorf("the table names %q, %q is taken", n, got)
		}
	}

	kernels.SetTable(kernels.Table{kernels.Key(c, p): able[0]})
	kernels.LeaveOut(regexp.MustCompile("^" + regexp.QuoteMeta(able[0]) + "$"))
	defer kernels.LeaveOut(nil)
	if got := choose(); got != able[1] {
		t.Errorf("without %q, %q is taken, expected %q", able[0], got, able[1])
	}
}
