package sampler

// chain appends steps to a table for methods that are written in unscaled x: a
// method calls the network at a level, combines x, x_0 and what it stored into
// the next x, and so on; the chain folds in the scale of each input.
type chain struct {
	table *Table
	level Level // of the latest call
}

// newChain starts a chain with clipping as the options say, on the options' own
// grid or the one that the schedule's grid function makes.
func newChain(name string, o *Options, schedule func() (*Grid, error)) (*chain, *Grid, error) {
	grid := o.Grid
	if grid == nil {
		var err error
		if grid, err = schedule(); err != nil {
			return nil, nil, err
		}
	}
	if err := grid.validate(); err != nil {
		return nil, nil, err
	}
	c := &chain{table: &Table{Name: name, Init: grid.Init}}
	return c, grid, o.bounds(c.table)
}

// call appends the call of the network at a level.
func (c *chain) call(sample int, l Level) {
	if n := len(c.table.Steps); n == 0 {
		c.table.Init, c.table.InitZ = c.table.Init*l.InScale, c.table.InitZ*l.InScale
	} else {
		last := &c.table.Steps[n-1]
		last.Next, last.TPrev = last.Next.times(l.InScale), l.T
	}
	c.table.Steps = append(c.table.Steps, Step{Sample: sample, T: l.T, TPrev: -1,
		InScale: l.InScale, Alpha: l.Alpha, Sigma: l.Sigma, X0X: l.X0X / l.InScale, X0Out: l.X0Out})
	c.level = l
}

func (c *chain) step() *Step { return &c.table.Steps[len(c.table.Steps)-1] }

// next sets the unscaled x that follows.
func (c *chain) next(x Coef) { c.step().Next = x }

// write stores a combination after the step.
func (c *chain) write(slot int, v Coef) {
	s := c.step()
	s.Writes = append(s.Writes, Write{Slot: slot, Coef: v})
	c.table.History = max(c.table.History, slot+1)
}

// x is the unscaled sample.
func (c *chain) x() Coef { return Coef{X: 1 / c.level.InScale} }

// y is x / Alpha = x_0 + ratio eps.
func (c *chain) y() Coef { return c.x().times(1 / c.level.Alpha) }

// x0 is the prediction, clipped or thresholded as the table says. Unbounded, it
// is written in terms of x and out: one rounding less for a float32 executor.
func (c *chain) x0() Coef {
	if c.table.Clip == 0 && c.table.Threshold == nil {
		return Coef{X: c.step().X0X, Out: c.step().X0Out}
	}
	return Coef{X0: 1}
}

// eps is the noise that x and x_0 imply, (x - Alpha x_0) / Sigma.
func (c *chain) eps() Coef {
	l := &c.level
	if c.table.Clip == 0 && c.table.Threshold == nil {
		return Coef{X: (1 - l.Alpha*l.X0X) / (l.Sigma * l.InScale), Out: -l.Alpha * l.X0Out / l.Sigma}
	}
	return sum(c.x().times(1/l.Sigma), Coef{X0: -l.Alpha / l.Sigma})
}

// slot is what a history slot holds.
func slot(i int) Coef {
	var c Coef
	c.H[i] = 1
	return c
}

func noise(scale float64) Coef { return Coef{Z: scale} }

func (c Coef) times(k float64) Coef {
	c.X, c.Out, c.X0, c.Z = k*c.X, k*c.Out, k*c.X0, k*c.Z
	for i := range c.H {
		c.H[i] *= k
	}
	return c
}

func sum(terms ...Coef) Coef {
	var s Coef
	for _, t := range terms {
		s.X, s.Out, s.X0, s.Z = s.X+t.X, s.Out+t.Out, s.X0+t.X0, s.Z+t.Z
		for i := range s.H {
			s.H[i] += t.H[i]
		}
	}
	return s
}

// done drops writes that no later step reads and returns the table.
func (c *chain) done() *Table {
	read := [MaxHistory]bool{}
	for i := len(c.table.Steps) - 1; i >= 0; i-- {
		s := &c.table.Steps[i]
		kept := s.Writes[:0]
		for _, w := range s.Writes {
			if read[w.Slot] {
				kept = append(kept, w)
				read[w.Slot] = false
			}
		}
		s.Writes = kept
		markReads(&read, s.Next)
		for _, w := range s.Writes {
			markReads(&read, w.Coef)
		}
	}
	return c.table
}

func markReads(read *[MaxHistory]bool, c Coef) {
	for i, v := range c.H {
		if v != 0 {
			read[i] = true
		}
	}
}

// ring keeps the latest values of one quantity in slots first..first+size-1.
type ring struct{ first, size int }

// slot returns where the value of step i is.
func (r ring) slot(i int) int { return r.first + i%r.size }
