package cli

import (
	"fmt"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/npy"
	"github.com/unnoise/unnoise/kernels"
)

func predictCommand() *urfave.Command {
	return &urfave.Command{
		Name:  "predict",
		Usage: "evaluate a network on given arrays, and its gradients",
		Description: "Writes the network's output. With --target it prints the mean squared error over all elements, and with --grads it writes\n" +
			"that error's gradient for every weight as safetensors, under the weights' public names.",
		Flags: []urfave.Flag{
			&urfave.StringFlag{Name: "model", Usage: "`DIR` of a run, a checkpoint or any diffusers directory"},
			variantFlag(),
			&urfave.StringFlag{Name: "x", Usage: "input `FILE`.npy: N,C,H,W or N,D float32"},
			&urfave.StringFlag{Name: "t", Usage: "timesteps `FILE`.npy: N numbers, integers or float32"},
			&urfave.StringFlag{Name: "labels", Usage: "labels `FILE`.npy: N integers, or N,D float32 vectors, as the network wants"},
			&urfave.StringFlag{Name: "weights", Value: "ema", Usage: "`KIND`: ema (moving average) or raw"},
			&urfave.StringFlag{Name: "out", Usage: "output `FILE`.npy"},
			&urfave.StringFlag{Name: "target", Usage: "target `FILE`.npy, of the output's shape"},
			&urfave.StringFlag{Name: "grads", Usage: "gradients `FILE`.safetensors; needs --target"},
		},
		Action: runPredict,
	}
}

func runPredict(c *urfave.Context) error {
	g, err := readGlobals(c)
	if err != nil {
		return err
	}
	if err := checkPredictFlags(c); err != nil {
		return err
	}
	m, err := g.loadModel(c, c.String("weights") == "raw")
	if err != nil {
		return err
	}
	b, err := readBatch(c, m)
	if err != nil {
		return err
	}
	for _, name := range []string{"out", "grads"} {
		if path := c.String(name); path != "" {
			if err := checkWritable(path); err != nil {
				return err
			}
		}
	}
	mach, dtype, err := g.executor(kernels.F32)
	if err != nil {
		return err
	}
	defer mach.Close()
	m.DType = dtype
	if c.String("target") == "" {
		y, err := m.Predict(mach, *b)
		if err != nil {
			return err
		}
		return npy.WriteFile(c.String("out"), y.Dense(m.Points()))
	}
	target, err := readImages(c.String("target"))
	if err != nil {
		return err
	}
	y, mse, grads, err := m.Gradients(mach, *b, target)
	if err != nil {
		return err
	}
	if err := npy.WriteFile(c.String("out"), y.Dense(m.Points())); err != nil {
		return err
	}
	if path := c.String("grads"); path != "" {
		if err := checkpoint.Write(path, checkpoint.FormatPT(), grads); err != nil {
			return err
		}
	}
	return g.answer(map[string]any{"mse": mse}, "mse %.9g", mse)
}

func checkPredictFlags(c *urfave.Context) error {
	for _, name := range []string{"model", "x", "t", "out"} {
		if c.String(name) == "" {
			return usagef("predict needs --%s; see unnoise predict --help", name)
		}
	}
	if c.String("grads") != "" && c.String("target") == "" {
		return usagef("--grads needs --target: the gradient is that of the error against the target")
	}
	if e := extension(c.String("out")); e != ".npy" {
		return usagef("--out %s: want a name that ends in .npy", c.String("out"))
	}
	if f := c.String("grads"); f != "" && extension(f) != ".safetensors" {
		return usagef("--grads %s: want a name that ends in .safetensors", f)
	}
	if w := c.String("weights"); w != "ema" && w != "raw" {
		return usagef("--weights %q: want ema or raw", w)
	}
	return nil
}

// readBatch reads the arrays that the network is called with.
func readBatch(c *urfave.Context, m *model.Model) (*model.Batch, error) {
	x, err := readImages(c.String("x"))
	if err != nil {
		return nil, err
	}
	b := &model.Batch{X: x}
	if b.T, err = readTimes(c.String("t"), x.N); err != nil {
		return nil, err
	}
	path := c.String("labels")
	if path == "" {
		return b, nil
	}
	d, err := npy.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if m.Signature.Labels().Kind == nn.VectorCondition {
		v, ok := d.Data().([]float32)
		if want := m.Signature.Labels().Dim; !ok || d.Dims() != 2 || d.Shape()[0] != x.N || d.Shape()[1] != want {
			return nil, fmt.Errorf("%s: %s of shape %v: want float32 of shape (%d, %d)", path, d.Dtype(), d.Shape(), x.N, want)
		}
		b.Vectors = map[string][]float32{nn.LabelsInput: v}
		return b, nil
	}
	if d.Dims() != 1 {
		return nil, fmt.Errorf("%s: shape %v: want %d integers", path, d.Shape(), x.N)
	}
	if b.Labels, err = model.Integers(d); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// readTimes reads n timesteps, integers or float32.
func readTimes(path string, n int) ([]float32, error) {
	d, err := npy.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if d.Dims() != 1 || d.Shape()[0] != n {
		return nil, fmt.Errorf("%s: shape %v: want %d timesteps, one a sample", path, d.Shape(), n)
	}
	if v, ok := d.Data().([]float32); ok {
		return v, nil
	}
	ints, err := model.Integers(d)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	times := make([]float32, n)
	for i, v := range ints {
		times[i] = float32(v)
	}
	return times, nil
}
