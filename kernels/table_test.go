package kernels_test

import (
	"os"
	"path/filepath"
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
	var able []int
	for _, v := range kernels.Lookup("conv2d").Variants {
		if v.Backend == "cuda" && v.Kernel.Supports(c, p) == nil {
			able = append(able, v.Number)
		}
	}
	choose := func() int {
		v, err := kernels.Choose(c, p)
		if err != nil {
			t.Fatal(err)
		}
		return v.Number
	}
	if len(able) == 0 || choose() != able[0] {
		t.Fatalf("variant %d is taken of %v", choose(), able)
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
	for _, n := range append(able, 99) {
		kernels.SetTable(kernels.Table{kernels.Key(c, p): n})
		want := n
		if n == 99 {
			want = able[0]
		}
		if got := choose(); got != want {
			t.Errorf("the table names %d, %d is taken", n, got)
		}
	}
}
