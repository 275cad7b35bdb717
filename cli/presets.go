package cli

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/engine/recipe"
)

func presetsCommand() *urfave.Command {
	return &urfave.Command{
		Name:  "presets",
		Usage: "list the recipes that come with the program",
		Description: "A line for each: its name and what it trains. unnoise train --preset NAME --print shows all its settings; docs/settings.md\n" +
			"explains them. With --json: one array of objects with \"name\" and \"about\".",
		Action: func(c *urfave.Context) error {
			g, err := readGlobals(c)
			if err != nil {
				return err
			}
			list := recipe.List()
			if g.json {
				return json.NewEncoder(g.out).Encode(list)
			}
			w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
			for _, p := range list {
				fmt.Fprintf(w, "%s\t%s\n", p.Name, p.About)
			}
			return w.Flush()
		},
	}
}
