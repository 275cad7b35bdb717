package cli

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/engine/sampler"
)

// samplerRow is a sampler as --list --format json prints it.
type samplerRow struct {
	Name  string `json:"name"`
	Steps int    `json:"steps"` // default number of sampling steps; 0: every timestep
	Class string `json:"class"` // the scheduler of diffusers that it stands for, "" for none
	Help  string `json:"help"`
}

// listSamplers prints the samplers, one a line, or as JSON.
func listSamplers(c *urfave.Context, g *globals) error {
	format := c.String("format")
	if format != "table" && format != "json" {
		return usagef("--format %s: want table or json", format)
	}
	var rows []samplerRow
	for _, name := range sampler.Names() {
		s, err := sampler.Lookup(name)
		if err != nil {
			return err
		}
		rows = append(rows, samplerRow{s.Name, s.Steps, s.Class, s.Help})
	}
	if format == "json" || g.json {
		return json.NewEncoder(g.out).Encode(rows)
	}
	w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		steps := "all"
		if r.Steps > 0 {
			steps = fmt.Sprint(r.Steps)
		}
		fmt.Fprintf(w, "%s\t%s steps\t%s\n", r.Name, steps, r.Help)
	}
	return w.Flush()
}
