//go:build cuda && cgo

package driver

//#include "calls.h"
import "C"

import (
	"fmt"
	"time"
	"unsafe"

	"gorgonia.org/cu"

	"github.com/unnoise/unnoise/cuda"
)

// stream implements cuda.Stream.
type stream struct {
	d      *device
	s      cu.Stream
	origin bool // a capture was begun here and has not ended
	closed bool
}

// handle is the stream as C knows it: cu.Stream is a struct of nothing but the handle.
func (s *stream) handle() C.CUstream { return *(*C.CUstream)(unsafe.Pointer(&s.s)) }

func (d *device) NewStream() (cuda.Stream, error) {
	s := &stream{d: d}
	err := d.do("NewStream", func() error {
		var err error
		if s.s, err = cu.MakeStream(cu.NonBlocking); err != nil {
			return checkCU("NewStream", err)
		}
		d.streams[s] = struct{}{}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// do runs a call of the stream.
func (s *stream) do(call string, f func() error) error {
	return s.d.do(call, func() error {
		if s.closed {
			return &cuda.Error{Code: cuda.InvalidHandle, Call: call, Detail: "the stream is closed"}
		}
		return f()
	})
}

// outside is do for calls that the stream does not allow while it is captured.
func (s *stream) outside(call string, f func() error) error {
	return s.do(call, func() error {
		if captured, err := s.captured(); err != nil || captured {
			if err == nil {
				err = &cuda.Error{Code: cuda.StreamCaptureUnsupported, Call: call, Advice: "end the capture first"}
			}
			return err
		}
		return f()
	})
}

// captured tells whether the stream takes part in a capture.
func (s *stream) captured() (bool, error) {
	if s.d.capturing == 0 {
		return false, nil
	}
	var status C.CUstreamCaptureStatus
	err := check("Stream", C.cuStreamIsCapturing(s.handle(), &status))
	return status != C.CU_STREAM_CAPTURE_STATUS_NONE, err
}

// queue queues a copy or memset of n bytes.
func (s *stream) queue(call string, n int64, f func() error) error {
	return s.do(call, func() error {
		if n < 0 {
			return &cuda.Error{Code: cuda.InvalidValue, Call: call, Detail: fmt.Sprintf("%d bytes", n)}
		}
		if n == 0 {
			return nil
		}
		return f()
	})
}

func (s *stream) CopyToDevice(dst cuda.DevicePtr, src []byte) error {
	const call = "Stream.CopyToDevice"
	return s.queue(call, int64(len(src)), func() error {
		if err := s.d.pinned(call, src); err != nil {
			return err
		}
		return checkCU(call, cu.MemcpyHtoDAsync(cu.DevicePtr(dst), unsafe.Pointer(&src[0]), int64(len(src)), s.s))
	})
}

func (s *stream) CopyToHost(dst []byte, src cuda.DevicePtr) error {
	const call = "Stream.CopyToHost"
	return s.queue(call, int64(len(dst)), func() error {
		if err := s.d.pinned(call, dst); err != nil {
			return err
		}
		return checkCU(call, cu.MemcpyDtoHAsync(unsafe.Pointer(&dst[0]), cu.DevicePtr(src), int64(len(dst)), s.s))
	})
}

func (s *stream) Copy(dst, src cuda.DevicePtr, n int64) error {
	return s.queue("Stream.Copy", n, func() error {
		return checkCU("Stream.Copy", cu.MemcpyDtoDAsync(cu.DevicePtr(dst), cu.DevicePtr(src), n, s.s))
	})
}

func (s *stream) Memset(dst cuda.DevicePtr, value byte, n int64) error {
	return s.queue("Stream.Memset", n, func() error {
		return checkCU("Stream.Memset", cu.MemsetD8Async(cu.DevicePtr(dst), value, n, s.s))
	})
}

func (s *stream) Query() (done bool, err error) {
	err = s.outside("Query", func() error {
		var err error
		done, err = finished("Query", s.s.Query())
		return err
	})
	return done, err
}

// finished reads the answer of a query.
func finished(call string, err error) (bool, error) {
	if err != nil && codeOf(err) == cuda.NotReady {
		return false, nil
	}
	return err == nil, checkCU(call, err)
}

func (s *stream) Synchronize() error {
	return s.outside("Synchronize", func() error { return checkCU("Synchronize", s.s.Synchronize()) })
}

func (s *stream) Close() error { return s.d.release("Stream.Close", s.free) }

func (s *stream) free() error {
	if s.closed {
		return nil
	}
	s.closed = true
	delete(s.d.streams, s)
	if s.origin {
		var g C.CUgraph
		s.ended()
		if C.cuStreamEndCapture(s.handle(), &g) == C.CUDA_SUCCESS && g != nil {
			C.cuGraphDestroy(g)
		}
	}
	err := checkCU("Stream.Close", s.s.Synchronize())
	if e := checkCU("Stream.Close", s.s.Destroy()); err == nil {
		err = e
	}
	return err
}

// event implements cuda.Event.
type event struct {
	d       *device
	e       cu.Event
	capture bool // last recorded in a capture: it marks no moment in time
	used    bool // recorded at least once
	closed  bool
}

func (d *device) NewEvent() (cuda.Event, error) {
	e := &event{d: d}
	err := d.do("NewEvent", func() error {
		var err error
		if e.e, err = cu.MakeEvent(cu.DefaultEvent); err != nil {
			return checkCU("NewEvent", err)
		}
		d.events[e] = struct{}{}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// eventOf checks an event that is given to a call of the device.
func (d *device) eventOf(call string, x cuda.Event) (*event, error) {
	e, ok := x.(*event)
	if !ok || e.d != d || e.closed {
		return nil, &cuda.Error{Code: cuda.InvalidHandle, Call: call, Detail: "the event does not belong to this device or is closed"}
	}
	return e, nil
}

func (s *stream) Record(x cuda.Event) error {
	return s.do("Record", func() error {
		e, err := s.d.eventOf("Record", x)
		if err != nil {
			return err
		}
		captured, err := s.captured()
		if err != nil {
			return err
		}
		if err := checkCU("Record", e.e.Record(s.s)); err != nil {
			return err
		}
		e.capture, e.used = captured, true
		return nil
	})
}

func (s *stream) Wait(x cuda.Event) error {
	return s.do("Wait", func() error {
		e, err := s.d.eventOf("Wait", x)
		if err != nil || !e.used {
			return err
		}
		return checkCU("Wait", s.s.Wait(e.e, 0))
	})
}

// do runs a call of the event that asks about a moment in time.
func (e *event) do(call string, f func() error) error {
	return e.d.do(call, func() error {
		if e.closed {
			return &cuda.Error{Code: cuda.InvalidHandle, Call: call, Detail: "the event is closed"}
		}
		if e.capture {
			return &cuda.Error{Code: cuda.InvalidValue, Call: call, Detail: "the event was last recorded in a capture"}
		}
		return f()
	})
}

func (e *event) Query() (done bool, err error) {
	err = e.do("Event.Query", func() error {
		var err error
		done, err = finished("Event.Query", e.e.Query())
		return err
	})
	return done, err
}

func (e *event) Synchronize() error {
	return e.do("Event.Synchronize", func() error {
		if e.d.capturing > 0 {
			return &cuda.Error{Code: cuda.StreamCaptureImplicit, Call: "Event.Synchronize", Advice: "end the capture first"}
		}
		return checkCU("Event.Synchronize", e.e.Synchronize())
	})
}

func (e *event) Elapsed(start cuda.Event) (took time.Duration, err error) {
	err = e.do("Elapsed", func() error {
		s, err := e.d.eventOf("Elapsed", start)
		if err != nil {
			return err
		}
		if s.capture {
			return &cuda.Error{Code: cuda.InvalidValue, Call: "Elapsed", Detail: "the first event was last recorded in a capture"}
		}
		ms, err := s.e.Elapsed(e.e)
		if err != nil {
			return withDetail(checkCU("Elapsed", err), "both events must have been recorded and reached")
		}
		took = time.Duration(ms * float64(time.Millisecond))
		return nil
	})
	return took, err
}

func (e *event) Close() error { return e.d.release("Event.Close", e.free) }

func (e *event) free() error {
	if e.closed {
		return nil
	}
	e.closed = true
	delete(e.d.events, e)
	return checkCU("Event.Close", cu.DestroyEvent(&e.e))
}
