package diffusion

import (
	"bufio"
	"encoding/json"
	"io"
	"strconv"
	"strings"
)

// Columns returns the names of the exported tables, "t" first.
func (p *Process) Columns() []string {
	names := []string{"t"}
	for _, f := range p.fields() {
		names = append(names, f.name)
	}
	return names
}

// Row returns the values of timestep t in the order of Columns.
func (p *Process) Row(t int) []float64 {
	row := []float64{float64(t)}
	for _, f := range p.fields() {
		row = append(row, (*f.values)[t])
	}
	return row
}

// WriteCSV writes a header and one line per timestep. Numbers have the fewest
// digits that read back to the same float64.
func (p *Process) WriteCSV(w io.Writer) error {
	b := bufio.NewWriter(w)
	b.WriteString(strings.Join(p.Columns(), ",") + "\n")
	for t := range p.Betas {
		for i, v := range p.Row(t) {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strconv.FormatFloat(v, 'g', -1, 64))
		}
		b.WriteByte('\n')
	}
	return b.Flush()
}

// WriteJSON writes one object: "timesteps" and, under each name of Columns, an
// array of T numbers.
func (p *Process) WriteJSON(w io.Writer) error {
	steps := make([]int, p.Timesteps())
	for t := range steps {
		steps[t] = t
	}
	out := map[string]any{"timesteps": p.Timesteps(), "t": steps}
	for _, f := range p.fields() {
		out[f.name] = *f.values
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(out)
}
