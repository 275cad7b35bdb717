package graph

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Dump writes the program as a table: step, phase, operator, shapes, buffers, bytes and FLOPs.
func (p *Program) Dump(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "step\tphase\toperator\tinputs\toutputs\tMB\tMFLOP\n")
	for i, s := range p.Steps {
		fmt.Fprintf(tw, "%d\t%s\t%s\t%s\t%s\t%.3f\t%.3f\n", i, s.Phase, s.Op.Name(), p.refs(s.In), p.refs(s.Out),
			s.Cost.Bytes/1e6, s.Cost.FLOPs/1e6)
	}
	c := p.Cost()
	fmt.Fprintf(tw, "all\t\t%d steps\t%d buffers\t\t%.3f\t%.3f\n", len(p.Steps), len(p.Buffers), c.Bytes/1e6, c.FLOPs/1e6)
	return tw.Flush()
}

// refs prints operands as buffer+offset:shape.
func (p *Program) refs(rs []Ref) string {
	s := ""
	for i, r := range rs {
		if i > 0 {
			s += " "
		}
		if r.Buffer < 0 {
			s += "-"
			continue
		}
		b := p.Buffers[r.Buffer]
		name := fmt.Sprintf("%%%d", r.Buffer)
		if b.Kind != Temporary {
			name = b.Name
		}
		if r.Offset != 0 {
			name += fmt.Sprintf("+%d", r.Offset)
		}
		s += name + ":" + r.Spec.String()
		if r.Accumulate {
			s += "(+)"
		}
	}
	return s
}
