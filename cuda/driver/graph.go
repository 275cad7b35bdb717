//go:build cuda && cgo

package driver

//#include "calls.h"
import "C"

import "github.com/unnoise/unnoise/cuda"

// graph implements cuda.Graph.
type graph struct {
	d      *device
	exec   C.CUgraphExec
	nodes  int
	closed bool
}

func (s *stream) BeginCapture() error {
	const call = "BeginCapture"
	return s.do(call, func() error {
		captured, err := s.captured()
		if err != nil {
			return err
		}
		if captured {
			return &cuda.Error{Code: cuda.IllegalState, Call: call, Detail: "the stream is being captured"}
		}
		// All calls come from the device's thread, so this mode sees every call that would break the capture.
		if err := check(call, C.cuStreamBeginCapture(s.handle(), C.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)); err != nil {
			return err
		}
		s.origin = true
		s.d.capturing++
		return nil
	})
}

// ended notes that the capture begun on the stream is over.
func (s *stream) ended() {
	s.origin = false
	s.d.capturing--
}

func (s *stream) EndCapture() (cuda.Graph, error) {
	const call = "EndCapture"
	g := &graph{d: s.d}
	err := s.do(call, func() error {
		if !s.origin {
			return &cuda.Error{Code: cuda.StreamCaptureUnmatched, Call: call}
		}
		s.ended()
		var recorded C.CUgraph
		err := check(call, C.cuStreamEndCapture(s.handle(), &recorded))
		if recorded != nil {
			defer C.cuGraphDestroy(recorded)
		}
		if err != nil {
			return captureError(err)
		}
		var nodes C.int
		if err := check(call, C.unnoise_work_nodes(recorded, &nodes)); err != nil {
			return err
		}
		g.nodes = int(nodes)
		if err := check(call, C.cuGraphInstantiateWithFlags(&g.exec, recorded, 0)); err != nil {
			return withDetail(err, "a graph of %d copies, memsets and launches", g.nodes)
		}
		s.d.graphs[g] = struct{}{}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return g, nil
}

func captureError(err error) error {
	if e, ok := err.(*cuda.Error); ok && e.Code == cuda.StreamCaptureUnjoined {
		e.Advice = "record an event on the other stream and let this one wait for it"
	}
	return err
}

func (s *stream) LaunchGraph(x cuda.Graph) error {
	const call = "LaunchGraph"
	return s.outside(call, func() error {
		g, ok := x.(*graph)
		if !ok || g.d != s.d || g.closed {
			return &cuda.Error{Code: cuda.InvalidHandle, Call: call, Detail: "the graph does not belong to this device or is closed"}
		}
		s.d.launched("a graph", "")
		return check(call, C.cuGraphLaunch(g.exec, s.handle()))
	})
}

func (g *graph) Nodes() int   { return g.nodes }
func (g *graph) Close() error { return g.d.release("Graph.Close", g.free) }

func (g *graph) free() error {
	if g.closed {
		return nil
	}
	g.closed = true
	delete(g.d.graphs, g)
	return check("Graph.Close", C.cuGraphExecDestroy(g.exec))
}
