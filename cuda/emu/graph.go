package emu

import (
	"fmt"

	"github.com/unnoise/unnoise/cuda"
)

// capture is a graph in the making: for each stream that takes part, what was queued on it.
type capture struct {
	origin *stream
	queues map[*stream]*queue
	order  []*stream
	ended  bool
}

// join lets a stream take part.
func (c *capture) join(s *stream) {
	s.capture = c
	c.queues[s] = &queue{}
	c.order = append(c.order, s)
}

// end takes all streams out of the capture.
func (c *capture) end() {
	c.ended = true
	for _, s := range c.order {
		s.capture = nil
	}
}

func (s *stream) BeginCapture() error {
	if err := s.begin("BeginCapture"); err != nil {
		return err
	}
	defer s.d.mu.Unlock()
	if s.capture != nil {
		return &cuda.Error{Code: cuda.IllegalState, Call: "BeginCapture", Detail: "the stream is being captured"}
	}
	c := &capture{origin: s, queues: map[*stream]*queue{}}
	c.join(s)
	return nil
}

func (s *stream) EndCapture() (cuda.Graph, error) {
	if err := s.begin("EndCapture"); err != nil {
		return nil, err
	}
	defer s.d.mu.Unlock()
	c := s.capture
	if c == nil || c.origin != s {
		return nil, &cuda.Error{Code: cuda.StreamCaptureUnmatched, Call: "EndCapture"}
	}
	c.end()
	g := &graph{d: s.d, capture: c}
	var total, left int
	for _, st := range c.order {
		for _, w := range c.queues[st].work {
			if w.run != nil {
				total++
			}
		}
	}
	g.nodes = total
	first, all := g.instance(func(func() error) error { return nil })
	for len(first.work) > 0 {
		if err := first.step(); err != nil {
			return nil, err
		}
	}
	for _, q := range all {
		for _, w := range q.work {
			if w.run != nil {
				left++
			}
		}
	}
	if left > 0 {
		return nil, &cuda.Error{Code: cuda.StreamCaptureUnjoined, Call: "EndCapture", Detail: fmt.Sprintf("%d of %d operations are on streams that were not joined back", left, total),
			Advice: "record an event on the other stream and let this one wait for it"}
	}
	s.d.graphs = append(s.d.graphs, g)
	return g, nil
}

// graph implements cuda.Graph.
type graph struct {
	d       *device
	capture *capture
	nodes   int
	closed  bool
}

// instance returns fresh queues of the graph's work, the origin's first; run executes one operation.
func (g *graph) instance(run func(func() error) error) (*queue, []*queue) {
	queues := map[*queue]*queue{}
	marks := map[*mark]*mark{}
	var all []*queue
	for _, s := range g.capture.order {
		q := &queue{}
		queues[g.capture.queues[s]] = q
		all = append(all, q)
	}
	for _, s := range g.capture.order {
		from := g.capture.queues[s]
		for _, w := range from.work {
			if w.record != nil {
				marks[w.record] = &mark{q: queues[from]}
			}
		}
	}
	for _, s := range g.capture.order {
		from := g.capture.queues[s]
		to := queues[from]
		for _, w := range from.work {
			switch {
			case w.run != nil:
				to.work = append(to.work, work{run: func() error { return run(w.run) }})
			case w.record != nil:
				to.work = append(to.work, work{record: marks[w.record]})
			default:
				to.work = append(to.work, work{wait: marks[w.wait]})
			}
		}
	}
	return all[0], all
}

func (s *stream) LaunchGraph(x cuda.Graph) error {
	if err := s.begin("LaunchGraph"); err != nil {
		return err
	}
	defer s.d.mu.Unlock()
	if err := s.notCapturing("LaunchGraph"); err != nil {
		return err
	}
	g, ok := x.(*graph)
	if !ok || g.d != s.d || g.closed {
		return &cuda.Error{Code: cuda.InvalidHandle, Call: "LaunchGraph", Detail: "the graph does not belong to this device or is closed"}
	}
	s.add(work{run: func() error {
		first, _ := g.instance(func(f func() error) error { return f() })
		for len(first.work) > 0 {
			if err := first.step(); err != nil {
				return err
			}
		}
		return nil
	}})
	return nil
}

func (g *graph) Nodes() int { return g.nodes }

func (g *graph) Close() error {
	g.d.mu.Lock()
	defer g.d.mu.Unlock()
	g.closed = true
	g.d.graphs = remove(g.d.graphs, g)
	return nil
}
