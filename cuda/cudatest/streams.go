package cudatest

import (
	"encoding/binary"

	"github.com/unnoise/unnoise/cuda"
)

func (s *suite) dynamicShared() {
	f := s.function("reverse")
	st := s.stream()
	const n = 100
	in, out := s.device(words(n, iota32)), s.alloc(4*n)
	run := func(bytes int) error {
		return st.Launch(f, cuda.Launch{Block: cuda.Dim3{X: n}, DynamicShared: bytes, Args: []any{in.Ptr(), out.Ptr()}})
	}
	s.must(run(4 * n))
	s.must(st.Synchronize())
	s.wantWords("reverse", out.Ptr(), n, func(i int) uint32 { return uint32(n - 1 - i) })
	p := s.dev.Props()
	s.wantCode("more than the default", run(p.SharedPerBlock+16), cuda.InvalidValue)
	s.must(f.SetMaxDynamicShared(p.SharedOptIn))
	if got := f.Attributes().MaxDynamicShared; got != p.SharedOptIn {
		s.Errorf("MaxDynamicShared is %d, want %d", got, p.SharedOptIn)
	}
	s.must(run(p.SharedOptIn))
	s.must(st.Synchronize())
	s.wantCode("more than the device has", f.SetMaxDynamicShared(p.SharedOptIn+1), cuda.InvalidValue)
	s.wantCode("launch with more than was set", run(p.SharedOptIn+16), cuda.InvalidValue, cuda.LaunchOutOfResources)
}

func (s *suite) occupancy() {
	f := s.function("reverse")
	p := s.dev.Props()
	s.must(f.SetMaxDynamicShared(p.SharedOptIn))
	few, err := f.Occupancy(64, 0)
	s.must(err)
	full, err := f.Occupancy(64, p.SharedOptIn)
	s.must(err)
	if few < 2 || few > p.MaxBlocksPerSM || full != 1 {
		s.Errorf("%d blocks without and %d with all shared memory fit, want 2 to %d and 1", few, full, p.MaxBlocksPerSM)
	}
	if n, err := f.Occupancy(64, p.SharedOptIn+16); err == nil && n != 0 {
		s.Errorf("%d blocks with too much shared memory fit, want none", n)
	}
}

func (s *suite) streams() {
	const n = 256
	f := s.function("scale")
	st := s.stream()
	in, out := s.host(4*n), s.host(4*n)
	x, y := s.alloc(4*n), s.alloc(4*n)
	copy(in, words(n, iota32))
	s.must(st.Memset(y.Ptr(), 0xff, 4*n))
	s.must(st.CopyToDevice(x.Ptr(), in))
	s.must(st.Launch(f, scaleLaunch(x, y, n, 3)))
	s.must(st.Copy(x.Ptr(), y.Ptr(), 4*n))
	s.must(st.Launch(f, scaleLaunch(x, y, n-1, 2)))
	s.must(st.CopyToHost(out[:4*n-4], y.Ptr()))
	s.must(st.Synchronize())
	if done, err := st.Query(); err != nil || !done {
		s.Errorf("after Synchronize: done is %v, error %v", done, err)
	}
	for i := range n - 1 {
		once := scaled(3)(i)
		if got, want := binary.LittleEndian.Uint32(out[4*i:]), 2*once+uint32(10*(i%4+1)); got != want {
			s.Errorf("element %d is %d, want %d", i, got, want)
			break
		}
	}
	s.must(st.Close())
}

func (s *suite) events() {
	const n = 64
	f := s.function("scale")
	first, second := s.stream(), s.stream()
	x, y := s.device(words(n, iota32)), s.alloc(4*n)
	start, end := s.event(), s.event()
	if done, err := start.Query(); err != nil || !done {
		s.Errorf("an event that was not recorded: done is %v, error %v", done, err)
	}
	s.must(start.Synchronize())
	s.must(first.Record(start))
	s.must(first.Launch(f, scaleLaunch(x, y, n, 5)))
	s.must(first.Record(end))
	s.must(second.Wait(end))
	s.must(second.Copy(x.Ptr(), y.Ptr(), 4*n))
	s.must(second.Synchronize()) // waits for what it depends on, too
	s.wantWords("copy after the event", x.Ptr(), n, scaled(5))
	s.must(end.Synchronize())
	if d, err := end.Elapsed(start); err != nil || d < 0 {
		s.Errorf("elapsed %v, error %v", d, err)
	}
	if _, err := end.Elapsed(s.event()); err == nil {
		s.Error("elapsed time since an event that was not recorded")
	}
	s.must(s.dev.Synchronize())
}

func (s *suite) event() cuda.Event {
	s.Helper()
	e, err := s.dev.NewEvent()
	s.must(err)
	return e
}

// graph: work is recorded once and replayed; only what pinned memory holds changes from replay to replay.
func (s *suite) graph() {
	const n = 128
	f := s.function("scale")
	st := s.stream()
	in, out := s.host(4*n), s.host(4*n)
	x, y := s.alloc(4*n), s.alloc(4*n)
	s.must(st.BeginCapture())
	s.must(st.CopyToDevice(x.Ptr(), in))
	s.must(st.Launch(f, scaleLaunch(x, y, n, 4)))
	s.must(st.CopyToHost(out, y.Ptr()))
	g, err := st.EndCapture()
	s.must(err)
	if g.Nodes() != 3 {
		s.Errorf("the graph has %d nodes, want 3", g.Nodes())
	}
	for _, b := range out {
		if b != 0 {
			s.Fatal("captured work has run")
		}
	}
	for round := range uint32(3) {
		copy(in, words(n, func(i int) uint32 { return uint32(i) + 1000*round }))
		s.must(st.LaunchGraph(g))
		s.must(st.Synchronize())
		for i := range n {
			if got, want := binary.LittleEndian.Uint32(out[4*i:]), 4*1000*round+scaled(4)(i); got != want {
				s.Fatalf("replay %d: element %d is %d, want %d", round, i, got, want)
			}
		}
	}
	s.must(g.Close())
}

func (s *suite) graphAcrossStreams() {
	const n = 64
	f := s.function("scale")
	main, side := s.stream(), s.stream()
	x, y, z := s.device(words(n, iota32)), s.alloc(4*n), s.alloc(4*n)
	fork, join := s.event(), s.event()
	s.must(main.BeginCapture())
	s.must(main.Record(fork))
	s.must(side.Wait(fork))
	s.must(side.Launch(f, scaleLaunch(x, z, n, 9)))
	s.must(main.Launch(f, scaleLaunch(x, y, n, 8)))
	s.must(side.Record(join))
	s.must(main.Wait(join))
	g, err := main.EndCapture()
	s.must(err)
	if g.Nodes() != 2 {
		s.Errorf("the graph has %d nodes, want 2", g.Nodes())
	}
	s.must(main.LaunchGraph(g))
	s.must(main.Synchronize())
	s.wantWords("main stream", y.Ptr(), n, scaled(8))
	s.wantWords("side stream", z.Ptr(), n, scaled(9))
}

func (s *suite) captureErrors() {
	st := s.stream()
	_, err := st.EndCapture()
	s.wantCode("end without begin", err, cuda.StreamCaptureUnmatched, cuda.IllegalState)
	s.must(st.BeginCapture())
	codes := []cuda.Code{cuda.StreamCaptureUnsupported, cuda.StreamCaptureImplicit, cuda.StreamCaptureInvalidated, cuda.StreamCaptureIsolation}
	s.wantCode("synchronize during capture", st.Synchronize(), codes...)
	_, err = s.dev.Alloc(16, "during capture")
	s.wantCode("allocation during capture", err, codes...)
}

func (s *suite) closeDevice() {
	s.alloc(100)
	s.stream()
	s.function("scale")
	s.must(s.dev.Close())
	_, err := s.dev.Alloc(16, "after close")
	s.wantCode("after Close", err, cuda.Deinitialized, cuda.InvalidContext)
}
