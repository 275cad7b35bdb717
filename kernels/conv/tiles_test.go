package conv

import (
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// resources reads the table of registers and static shared memory of compiled kernels.
func resources(t *testing.T) map[string][2]int {
	t.Helper()
	text, err := os.ReadFile("../ptx/resources.txt")
	if err != nil {
		t.Fatal(err)
	}
	table := map[string][2]int{}
	for _, line := range strings.Split(string(text), "\n") {
		if f := strings.Split(line, "\t"); len(f) == 6 && f[0] != "# module" {
			registers, err1 := strconv.Atoi(f[2])
			static, err2 := strconv.Atoi(f[3])
			if err1 != nil || err2 != nil {
				t.Fatalf("resources.txt: %q", line)
			}
			table[f[1]] = [2]int{registers, static}
		}
	}
	return table
}

// TestOccupancy holds the tiles to the compiled kernels: so many blocks find registers and, on an A100, shared memory.
func TestOccupancy(t *testing.T) {
	table := resources(t)
	for _, list := range []struct {
		prefix, suffix string
		tiles          []tile
	}{{"conv2d_mma_", "", mmaForwardTiles}, {"conv2d_dgrad_mma_", "", mmaAdjointTiles}, {"conv2d_wgrad_mma_", "", mmaWeightTiles},
		{"conv2d_subpixel_", "", mmaForwardTiles}, {"conv2d_dgrad_subpixel_", "", mmaAdjointTiles}, {"conv2d_wgrad_subpixel_", "", mmaWeightTiles},
		{"conv2d_", "_f32", fmaForwardTiles}, {"conv2d_dgrad_", "_f32", fmaAdjointTiles}, {"conv2d_wgrad_", "_f32", fmaWeightTiles}} {
		for _, tile := range list.tiles {
			name := list.prefix + tile.String() + list.suffix
			r, ok := table[name]
			if !ok {
				t.Errorf("no kernel %s", name)
				continue
			}
			registers := gpu.Ceil(r[0], 8) * 8 * tile.threads * tile.perSM // handed out in eights
			shared := (tile.shared + r[1] + 1024) * tile.perSM
			if registers > 1<<16 || shared > 164<<10 || tile.shared > 0 && r[1] > staticShared {
				t.Errorf("%s: %d blocks need %d registers and %d bytes of shared memory, tables %d bytes", name, tile.perSM, registers, shared, r[1])
			}
		}
	}
}

// TestChoose: tiles that a device has no shared memory for are not chosen, and whole networks' layers get big tiles.
func TestChoose(t *testing.T) {
	layer := matrix{rows: 128 * 32 * 32, columns: 128, depth: 9 * 128, products: 1}
	for shared, want := range map[int]string{227 << 10: "256x128", 99 << 10: "128x128", 48 << 10: "64x64"} {
		p := kernels.Props{Backend: "cuda", SMs: 132, Shared: shared}
		if got := choose(mmaAdjointTiles, layer, p); got.String() != want || got.splits != 1 {
			t.Errorf("%d bytes of shared memory: tile %s, %d splits, expected %s and one", shared, got, got.splits, want)
		}
	}
	small := matrix{rows: 16, columns: 256, depth: 9 * 256, products: 1}
	if p := choose(mmaForwardTiles, small, kernels.Props{SMs: 132, Shared: 227 << 10}); p.splits < 8 {
		t.Errorf("a 4x4 picture is cut into %d splits of %s", p.splits, p)
	}
}

// TestPartialSumsCost: of two plans whose blocks do the same multiply-adds in one wave, the one with splits costs the writing and reading
// of its partial sums more, in proportion to the outputs.
func TestPartialSumsCost(t *testing.T) {
	const sms = 4096 // every block finds room at once
	whole, split := plan{tile: mmaForwardTiles[0], splits: 1}, plan{tile: mmaForwardTiles[0], splits: 4}
	extra := func(rows int) float64 {
		return split.cost(matrix{rows, 128, 4 * 1152, 1}, sms) - whole.cost(matrix{rows, 128, 1152, 1}, sms)
	}
	one, two := extra(1<<12), extra(1<<13)
	if !(one > 0) || math.Abs(two/one-2) > 1e-9 {
		t.Errorf("partial sums cost %g, of twice the outputs %g, expected a positive number and its double", one, two)
	}
}
