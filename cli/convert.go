package cli

import (
	"encoding/json"
	"fmt"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/engine/model"
)

func convertCommand() *urfave.Command {
	return &urfave.Command{
		Name:      "convert",
		Usage:     "write a model as a plain diffusers directory",
		ArgsUsage: "IN OUT",
		Description: "IN is a run, a checkpoint or any diffusers directory: flat or nested, with safetensors, shards, or a file of torch.save (.bin, .pt,\n" +
			".pth), which is read without executing anything in it. OUT gets unet/ with config.json and float32 safetensors under today's\n" +
			"names; scheduler and model_index.json stay as they are. Each change is printed. An existing OUT is refused.\n" +
			"With --json: one object with \"path\", \"tensors\", \"parameters\" and \"changes\".",
		Flags: []urfave.Flag{
			variantFlag(),
		},
		Action: runConvert,
	}
}

func runConvert(c *urfave.Context) error {
	g, err := readGlobals(c)
	if err != nil {
		return err
	}
	if c.NArg() != 2 {
		return usagef("convert takes a directory to read and one to write: unnoise convert IN OUT; got %d names", c.NArg())
	}
	done, err := model.Convert(c.Args().Get(0), c.Args().Get(1), model.LoadOptions{Variant: c.String("variant")})
	if err != nil {
		return err
	}
	if g.json {
		enc := json.NewEncoder(g.out)
		enc.SetEscapeHTML(false)
		return enc.Encode(done)
	}
	if g.quiet {
		return nil
	}
	for _, change := range done.Changes {
		fmt.Fprintf(g.out, "changed: %s\n", change)
	}
	_, err = fmt.Fprintf(g.out, "wrote %s: %d tensors, %d parameters\n", done.Path, done.Tensors, done.Parameters)
	return err
}
