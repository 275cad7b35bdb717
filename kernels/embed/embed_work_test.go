package embed

import (
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestWork counts the 32-byte sectors that the kernels touch: at most 1.05 of what the large operands fill. Identifiers lie in a
// sector each; lookup_grad reads them once for each table row and warp, which the ideal counts.
func TestWork(t *testing.T) {
	const images, rows, columns = 128, 10, 512
	ids := kernels.RandInts(0, rows, images, 1, 1, 1)
	table, dy := kernels.Randn(rows, 1, 1, columns), kernels.Randn(images, 1, 1, columns)
	warps := map[int]int{1: columns / vectorColumns / 32, 2: columns / 32}
	for _, cs := range []kernels.Case{
		{Name: "work", Op: Lookup{}, In: []kernels.Input{ids, table}},
		{Name: "work", Op: LookupGrad{rows}, In: []kernels.Input{ids, dy}},
	} {
		half, _ := cs.InBF16()
		for dtype, cs := range map[string]kernels.Case{"f32": cs, "bf16": half} {
			size := cs.In[1].Spec.DType.Size()
			for number := 1; number <= 2; number++ {
				ideal := 2 * images * columns * size
				if _, grad := cs.Op.(LookupGrad); grad {
					ideal = images*columns*size + rows*columns*4 + warps[number]*rows*images*32
				}
				got := kerneltest.Traffic(kerneltest.Count(t, cs, number))
				t.Logf("%s %s, variant %d: %d bytes, %.3f of the ideal", cs.Op.Name(), dtype, number, got, float64(got)/float64(ideal))
				if bar := 1.05; number == 1 && float64(got) > bar*float64(ideal) {
					t.Errorf("%s %s, variant %d: %d bytes, at most %.2f of %d", cs.Op.Name(), dtype, number, got, bar, ideal)
				}
			}
		}
	}
}
