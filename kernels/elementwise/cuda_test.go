package elementwise

import (
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestSabotage breaks every kernel, an instruction at a time: the check must fail.
func TestSabotage(t *testing.T) {
	for _, op := range []string{"add", "multiply", "scale", "copy", "cast", "fill", "to_float", "divide_time", "broadcast"} {
		t.Run(op, func(t *testing.T) { kerneltest.Sabotage(t, op, op) })
	}
	// What the compiler makes of expf and erfcf corrects its own estimates, and has terms below the tolerance.
	compiled := func(text, reason string) kerneltest.SabotageOption { return kerneltest.Except("", text, reason) }
	activations := []kerneltest.SabotageOption{
		compiled("mov.f32 ... 0f3F000000; -> ... (activation.cuh:6)", "expf: any estimate of the exponent will do, ex2 takes what it leaves"),
		compiled("mov.f32 ... 0f3FB8AA3B; -> ... (activation.cuh:8)", "erfcf: any estimate of the exponent will do, ex2 takes what it leaves"),
		compiled("fma.rn.f32 ... (activation.cuh:8)", "erfcf: the high terms of the polynomial add less than the tolerance"),
		compiled("mul.rn.f32 ... (activation.cuh:8)", "erfcf: a product that only gives the rounding error of another"),
		compiled("add.f32 ... 0fC0800000; -> ... (activation.cuh:8)", "erfcf: the quotient (a - 4) / (a + 4) is corrected by its remainder"),
	}
	t.Run("activation", func(t *testing.T) { kerneltest.Sabotage(t, "activation", "activation", activations...) })
	t.Run("activation_grad", func(t *testing.T) {
		kerneltest.Sabotage(t, "activation_grad", "activation_grad", append(activations,
			compiled("mov.f32 ... 0f3F000000; -> ... (activation.cuh:8)", "erfcf: any estimate of the exponent will do, ex2 takes what it leaves"))...)
	})
	t.Run("sum_rows", func(t *testing.T) {
		const why = "there is one part only, which ends with the rows"
		kerneltest.Sabotage(t, "sum_rows", "sum_rows", kerneltest.Except("sum_rows_bf16", "min.s32 ... (sum_rows.cu:19)", why),
			kerneltest.Except("sum_rows_any_bf16", "min.s32 ... (sum_rows.cu:19)", why), kerneltest.Except("sum_rows_join_bf16", "min.s32 ... (sum_rows.cu:19)", why))
	})
	t.Run("resample", func(t *testing.T) {
		kerneltest.Sabotage(t, "resample", "resample", kerneltest.Operators("resample_grad"))
	})
}

// TestGridCoversRows: the blocks cover all rows and groups, also where they are more than 65535.
func TestGridCoversRows(t *testing.T) {
	for _, m := range []matrix{{rows: 1, c: 3, n: 1, threads: 64}, {rows: 1000, c: 257, n: 1, threads: 256}, {rows: 1 << 20, c: 1024, n: 4, threads: 256},
		{rows: 1<<30 + 1, c: 2048, n: 4, threads: 256}} {
		grid, block := m.grid()
		if rows, groups := grid.X*block.Y*threadRows, grid.Y*block.X; rows < m.rows || groups*m.n < m.c {
			t.Errorf("%+v: %d x %d blocks of %d x %d threads cover %d rows of %d elements", m, grid.X, grid.Y, block.X, block.Y, rows, groups*m.n)
		}
	}
}

// TestLargeGrids runs blocks of the largest size, more rows than 65535 blocks could count one by one, and many images.
func TestLargeGrids(t *testing.T) {
	if testing.Short() {
		t.Skip("a quarter of a million rows")
	}
	rows, images := noGrad(kernels.RandnPitch(1, 512, 520, 3, 5)), noGrad(kernels.Randn(70000, 1, 1, 2))
	long := noGrad(kernels.RandnPitch(1, 1, 512, 2056, 2056))
	for _, cs := range []kernels.Case{
		{Name: "many rows", Op: Add{1, -2}, In: []kernels.Input{rows, rows}},
		{Name: "many rows", Op: Activation{SiLU}, In: []kernels.Input{rows}},
		{Name: "without pads", Op: Copy{}, In: []kernels.Input{long}},
		{Name: "many images", Op: DivideTime{}, In: []kernels.Input{images, kernels.RandUniform(1, 2, 70000, 1, 1, 1)}},
		{Name: "many images", Op: Broadcast{70000, 1, 1}, In: []kernels.Input{images}},
		{Name: "many images", Op: SumRows{PerImage: true}, In: []kernels.Input{images}},
		{Name: "many images", Op: Resample{Nearest2}, In: []kernels.Input{images}},
	} {
		half, _ := cs.InBF16()
		kerneltest.VerifyDevice(t, cs, half)
	}
}
