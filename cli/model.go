package cli

import (
	"fmt"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/engine/model"
)

// variantFlag chooses among the weights of a directory.
func variantFlag() urfave.Flag {
	return &urfave.StringFlag{Name: "variant", Usage: "read the weights' variant `NAME`, for example fp16 or non_ema, instead of the plain file",
		DefaultText: "the plain file, else the only variant"}
}

// loadModel reads the model that --model and --variant name. What was taken by default is said on standard error.
func (g *globals) loadModel(c *urfave.Context, raw bool) (*model.Model, error) {
	return model.LoadWith(c.String("model"), model.LoadOptions{Raw: raw, Variant: c.String("variant"), Say: g.note})
}

// note prints a line on standard error.
func (g *globals) note(text string) {
	if !g.quiet {
		fmt.Fprintf(g.err, "unnoise: note: %s\n", oneLine(text))
	}
}
