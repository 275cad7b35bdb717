package emu_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

// rig is a device with a kernel that copies x to y and traps where x is 999.
type rig struct {
	*testing.T
	d      *emutest.Device
	m      cuda.Module
	f      cuda.Function
	s      cuda.Stream
	x, y   cuda.Memory
	launch cuda.Launch
}

const rigBody = "ld.global.u32 %r6, [%rd4]; setp.eq.u32 %p1, %r6, 999;\n@%p1 trap; //!\nst.global.u32 [%rd5], %r6;"

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, d: emutest.Open(t)}
	var c checkCase
	text, _ := c.source(rigBody)
	var err error
	if r.m, err = r.d.LoadModule("rig.ptx", []byte(text)); err != nil {
		t.Fatal(err)
	}
	if r.f, err = r.m.Function("k"); err != nil {
		t.Fatal(err)
	}
	r.s = r.stream()
	r.x, r.y = r.alloc(), r.alloc()
	r.launch = cuda.Launch{Grid: cuda.Dim3{X: 2}, Block: cuda.Dim3{X: 64}, Args: []any{r.x.Ptr(), r.y.Ptr(), uint32(128)}, Label: "rig"}
	return r
}

func (r *rig) stream() cuda.Stream {
	r.Helper()
	s, err := r.d.NewStream()
	if err != nil {
		r.Fatal(err)
	}
	return s
}

func (r *rig) alloc() cuda.Memory {
	r.Helper()
	m, err := r.d.Alloc(512, "rig")
	if err == nil {
		err = r.d.CopyToDevice(m.Ptr(), emutest.Bytes(make1(128, func(i int) uint32 { return uint32(i) })))
	}
	if err != nil {
		r.Fatal(err)
	}
	return m
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// wantError checks that a call ends in an error of the right type.
func (r *rig) wantError(what string, err error, code cuda.Code) {
	r.Helper()
	var e *cuda.Error
	if !errors.As(err, &e) || code != 0 && e.Code != code {
		r.Errorf("%s: got %v, want code %v", what, err, code)
	}
}

// TestClosedObjects: work that uses what was closed in the meantime ends in an error.
func TestClosedObjects(t *testing.T) {
	r := newRig(t)
	r.must(r.s.Launch(r.f, r.launch))
	r.must(r.x.Close())
	r.wantError("memory closed before the launch ran", r.s.Synchronize(), cuda.IllegalAddress)
	r.wantError("copy to closed memory", r.d.CopyToDevice(r.x.Ptr(), make([]byte, 4)), cuda.InvalidValue)
	r.must(r.x.Close())

	r = newRig(t)
	r.must(r.s.Launch(r.f, r.launch))
	r.must(r.m.Close())
	r.wantError("module closed before the launch ran", r.s.Synchronize(), cuda.InvalidHandle)
	r.wantError("kernel of a closed module", r.s.Launch(r.f, r.launch), cuda.InvalidHandle)
	_, err := r.m.Function("k")
	r.wantError("function of a closed module", err, 0)

	r = newRig(t)
	e, err := r.d.NewEvent()
	r.must(err)
	r.must(e.Close())
	r.wantError("record of a closed event", r.s.Record(e), cuda.InvalidHandle)
	r.wantError("wait for a closed event", r.s.Wait(e), cuda.InvalidHandle)
	r.must(r.s.Close())
	r.wantError("launch on a closed stream", r.s.Launch(r.f, r.launch), cuda.InvalidHandle)

	r = newRig(t)
	r.must(r.s.BeginCapture())
	r.must(r.s.Launch(r.f, r.launch))
	g, err := r.s.EndCapture()
	r.must(err)
	r.must(r.s.LaunchGraph(g))
	r.must(r.m.Close())
	r.wantError("graph of a closed module", r.s.Synchronize(), cuda.InvalidHandle)
	r.must(g.Close())
	r.wantError("closed graph", r.s.LaunchGraph(g), cuda.InvalidHandle)
	other := newRig(t)
	r.wantError("kernel of another device", r.s.Launch(other.f, r.launch), cuda.InvalidHandle)
	r.must(r.d.Close())
	r.wantError("stream of a closed device", r.s.Synchronize(), cuda.Deinitialized)
	r.must(r.x.Close())
	r.must(r.m.Close())
}

// TestFaultEndsQueue: what was queued behind a failing launch does not run, and the report names the launch inside a graph, too.
func TestFaultEndsQueue(t *testing.T) {
	for _, graph := range []bool{false, true} {
		r := newRig(t)
		r.must(r.d.CopyToDevice(r.x.Ptr()+4*70, emutest.Bytes([]uint32{999})))
		if graph {
			r.must(r.s.BeginCapture())
		}
		r.must(r.s.Launch(r.f, r.launch))
		r.must(r.s.Memset(r.y.Ptr(), 0xee, 512))
		if graph {
			g, err := r.s.EndCapture()
			r.must(err)
			r.must(r.s.LaunchGraph(g))
		}
		err := r.s.Synchronize()
		var e *cuda.Error
		if !errors.As(err, &e) || e.Fault == nil || e.Fault.Check != cuda.Trap || e.Fault.Label != "rig" || e.Fault.Block.X != 1 || e.Fault.Thread.X != 6 {
			t.Errorf("graph %v: got %v", graph, err)
		}
		b := make([]byte, 4)
		r.must(r.d.CopyToHost(b, r.y.Ptr()+508))
		if b[0] == 0xee {
			t.Errorf("graph %v: work behind the failing launch has run", graph)
		}
	}
}

// TestManyGoroutines: streams of one device may be used at once; each keeps its own order.
func TestManyGoroutines(t *testing.T) {
	r := newRig(t)
	var wg sync.WaitGroup
	for i := range 8 {
		s, y := r.stream(), r.alloc()
		wg.Add(1)
		go func() {
			defer wg.Done()
			l := r.launch
			l.Args = []any{r.x.Ptr(), y.Ptr(), uint32(128)}
			for range 20 {
				err := s.Memset(y.Ptr(), byte(i), 512)
				if err == nil {
					err = s.Launch(r.f, l)
				}
				if err == nil {
					err = s.Synchronize()
				}
				b := make([]byte, 512)
				if err == nil {
					err = r.d.CopyToHost(b, y.Ptr())
				}
				if err != nil || b[4] != 1 || b[508] != 127 {
					t.Errorf("stream %d: error %v, bytes %d and %d", i, err, b[4], b[508])
					return
				}
			}
		}()
	}
	wg.Wait()
}
