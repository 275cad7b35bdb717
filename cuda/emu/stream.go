package emu

import (
	"time"
	"unsafe"

	"github.com/unnoise/unnoise/cuda"
)

// work is one entry of a queue: something to run, a mark to set, or a mark to wait for.
type work struct {
	run    func() error
	record *mark
	wait   *mark
}

// mark is a position in a queue.
type mark struct {
	q       *queue
	capture *capture // of the capture that it was recorded in
	done    bool
	at      time.Time
}

// queue is work that runs in order, but only when something waits for it.
type queue struct{ work []work }

// step runs the next entry; errors of work end the queue.
func (q *queue) step() error {
	w := q.work[0]
	q.work = q.work[1:]
	var err error
	switch {
	case w.run != nil:
		err = w.run()
	case w.record != nil:
		w.record.done, w.record.at = true, time.Now()
	case w.wait != nil:
		err = w.wait.q.until(w.wait)
	}
	if err != nil {
		q.abandon()
	}
	return err
}

// abandon drops the rest of the queue after a failure.
func (q *queue) abandon() {
	for _, w := range q.work {
		if w.record != nil {
			w.record.done, w.record.at = true, time.Now()
		}
	}
	q.work = nil
}

// until runs the queue up to a mark.
func (q *queue) until(m *mark) error {
	for !m.done && len(q.work) > 0 {
		if err := q.step(); err != nil {
			return err
		}
	}
	return nil
}

// stream implements cuda.Stream.
type stream struct {
	d *device
	queue
	capture *capture
	fault   error // of work that another stream ran
	closed  bool
}

func (d *device) NewStream() (cuda.Stream, error) {
	if err := d.lock("NewStream"); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	s := &stream{d: d}
	d.streams = append(d.streams, s)
	return s, nil
}

// begin takes the device for a call of the stream.
func (s *stream) begin(call string) error {
	if err := s.d.lock(call); err != nil {
		return err
	}
	if s.closed {
		s.d.mu.Unlock()
		return &cuda.Error{Code: cuda.InvalidHandle, Call: call, Detail: "the stream is closed"}
	}
	return nil
}

// add queues work, or records it if the stream is being captured.
func (s *stream) add(w work) {
	if s.capture != nil {
		q := s.capture.queues[s]
		q.work = append(q.work, w)
		return
	}
	s.work = append(s.work, w)
}

// do checks a call now and queues it.
func (s *stream) do(call string, check error, run func() error) error {
	if check != nil {
		return check
	}
	s.add(work{run: run})
	return nil
}

// pinned checks that a slice lies in host memory of the device.
func (s *stream) pinned(call string, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	p := uintptr(unsafe.Pointer(&b[0]))
	for _, h := range s.d.host {
		if lo := uintptr(unsafe.Pointer(&h.b[0])); p >= lo && p+uintptr(len(b)) <= lo+uintptr(len(h.b)) {
			return nil
		}
	}
	return &cuda.Error{Code: cuda.InvalidValue, Call: call, Detail: "the slice is not page-locked memory of this device", Advice: "use memory from AllocHost"}
}

func (s *stream) CopyToDevice(dst cuda.DevicePtr, src []byte) error {
	const call = "Stream.CopyToDevice"
	if err := s.begin(call); err != nil {
		return err
	}
	defer s.d.mu.Unlock()
	if err := s.pinned(call, src); err != nil {
		return err
	}
	_, _, err := s.d.mem.bytes(call, uint64(dst), int64(len(src)))
	return s.do(call, err, func() error { return s.d.write(call, uint64(dst), src) })
}

func (s *stream) CopyToHost(dst []byte, src cuda.DevicePtr) error {
	const call = "Stream.CopyToHost"
	if err := s.begin(call); err != nil {
		return err
	}
	defer s.d.mu.Unlock()
	if err := s.pinned(call, dst); err != nil {
		return err
	}
	_, _, err := s.d.mem.bytes(call, uint64(src), int64(len(dst)))
	return s.do(call, err, func() error { return s.d.read(call, dst, uint64(src)) })
}

func (s *stream) Copy(dst, src cuda.DevicePtr, n int64) error {
	const call = "Stream.Copy"
	if err := s.begin(call); err != nil {
		return err
	}
	defer s.d.mu.Unlock()
	if _, _, err := s.d.mem.bytes(call, uint64(dst), n); err != nil {
		return err
	}
	_, _, err := s.d.mem.bytes(call, uint64(src), n)
	return s.do(call, err, func() error { return s.d.move(call, uint64(dst), uint64(src), n) })
}

func (s *stream) Memset(dst cuda.DevicePtr, value byte, n int64) error {
	const call = "Stream.Memset"
	if err := s.begin(call); err != nil {
		return err
	}
	defer s.d.mu.Unlock()
	_, _, err := s.d.mem.bytes(call, uint64(dst), n)
	return s.do(call, err, func() error { return s.d.set(call, uint64(dst), value, n) })
}

func (s *stream) Launch(f cuda.Function, c cuda.Launch) error {
	if err := s.begin("Launch"); err != nil {
		return err
	}
	defer s.d.mu.Unlock()
	k, ok := f.(*kernel)
	if !ok || k.f.mod.dev != s.d || k.f.mod.closed {
		return &cuda.Error{Code: cuda.InvalidHandle, Call: "Launch", Detail: "the function does not belong to an open module of this device"}
	}
	l, err := s.d.newLaunch(k.f, c)
	if err != nil {
		return err
	}
	s.add(work{run: func() error { return s.d.execute(l) }})
	return nil
}

// execute runs a launch and keeps its counters. A replayed graph executes the same launch again.
func (d *device) execute(l *launch) error {
	if l.fn.mod.closed {
		return &cuda.Error{Code: cuda.InvalidHandle, Call: "Launch", Kernel: l.fn.ast.Name, Detail: "the module was closed before the launch ran"}
	}
	ctr, f := l.run()
	if d.counting && ctr != nil {
		d.counted = append(d.counted, *ctr)
	}
	if f != nil {
		return faultError(f)
	}
	return nil
}

// drain runs everything that is queued.
func (s *stream) drain() error {
	err := s.fault
	s.fault = nil
	for len(s.work) > 0 {
		if e := s.step(); e != nil && err == nil {
			err = e
		}
	}
	return err
}

func (s *stream) Query() (bool, error) {
	if err := s.begin("Query"); err != nil {
		return false, err
	}
	defer s.d.mu.Unlock()
	if err := s.notCapturing("Query"); err != nil {
		return false, err
	}
	return len(s.work) == 0, nil
}

func (s *stream) notCapturing(call string) error {
	if s.capture != nil {
		return &cuda.Error{Code: cuda.StreamCaptureUnsupported, Call: call, Advice: "end the capture first"}
	}
	return nil
}

func (s *stream) Synchronize() error {
	if err := s.begin("Synchronize"); err != nil {
		return err
	}
	defer s.d.mu.Unlock()
	if err := s.notCapturing("Synchronize"); err != nil {
		return err
	}
	return s.drain()
}

func (s *stream) Close() error {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	if s.closed || s.d.closed {
		return nil
	}
	if s.capture != nil {
		s.capture.end()
	}
	err := s.drain()
	s.closed = true
	s.d.streams = remove(s.d.streams, s)
	return err
}

// event implements cuda.Event.
type event struct {
	d      *device
	m      *mark // of the last record, nil if there was none
	closed bool
}

func (d *device) NewEvent() (cuda.Event, error) {
	if err := d.lock("NewEvent"); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	e := &event{d: d}
	d.events = append(d.events, e)
	return e, nil
}

// eventOf checks an event that is given to a stream.
func (s *stream) eventOf(call string, x cuda.Event) (*event, error) {
	e, ok := x.(*event)
	if !ok || e.d != s.d || e.closed {
		return nil, &cuda.Error{Code: cuda.InvalidHandle, Call: call, Detail: "the event does not belong to this device or is closed"}
	}
	return e, nil
}

func (s *stream) Record(x cuda.Event) error {
	if err := s.begin("Record"); err != nil {
		return err
	}
	defer s.d.mu.Unlock()
	e, err := s.eventOf("Record", x)
	if err != nil {
		return err
	}
	q := &s.queue
	if s.capture != nil {
		q = s.capture.queues[s]
	}
	e.m = &mark{q: q, capture: s.capture}
	s.add(work{record: e.m})
	return nil
}

func (s *stream) Wait(x cuda.Event) error {
	if err := s.begin("Wait"); err != nil {
		return err
	}
	defer s.d.mu.Unlock()
	e, err := s.eventOf("Wait", x)
	if err != nil || e.m == nil {
		return err
	}
	c := e.m.capture
	switch {
	case c != nil && s.capture == nil && !c.ended:
		c.join(s)
	case c != s.capture:
		return &cuda.Error{Code: cuda.StreamCaptureIsolation, Call: "Wait", Detail: "the event was recorded in another capture or outside of it"}
	}
	s.add(work{wait: e.m})
	return nil
}

// usable refuses events that were recorded in a capture: they mark no moment in time.
func (e *event) usable(call string) error {
	if e.closed || e.d.closed {
		return &cuda.Error{Code: cuda.InvalidHandle, Call: call, Detail: "the event is closed"}
	}
	if e.m != nil && e.m.capture != nil {
		return &cuda.Error{Code: cuda.InvalidValue, Call: call, Detail: "the event was last recorded in a capture"}
	}
	return nil
}

func (e *event) Query() (bool, error) {
	e.d.mu.Lock()
	defer e.d.mu.Unlock()
	if err := e.usable("Event.Query"); err != nil {
		return false, err
	}
	return e.m == nil || e.m.done, nil
}

func (e *event) Synchronize() error {
	e.d.mu.Lock()
	defer e.d.mu.Unlock()
	if err := e.usable("Event.Synchronize"); err != nil {
		return err
	}
	if err := e.d.capturing("Event.Synchronize"); err != nil {
		return err
	}
	if e.m == nil {
		return nil
	}
	return e.m.q.until(e.m)
}

func (e *event) Elapsed(start cuda.Event) (time.Duration, error) {
	s, ok := start.(*event)
	if !ok || s.d != e.d {
		return 0, &cuda.Error{Code: cuda.InvalidHandle, Call: "Elapsed", Detail: "the events belong to different devices"}
	}
	e.d.mu.Lock()
	defer e.d.mu.Unlock()
	for _, x := range []*event{s, e} {
		if err := x.usable("Elapsed"); err != nil {
			return 0, err
		}
		if x.m == nil {
			return 0, &cuda.Error{Code: cuda.InvalidHandle, Call: "Elapsed", Detail: "an event was not recorded"}
		}
		if !x.m.done {
			return 0, &cuda.Error{Code: cuda.NotReady, Call: "Elapsed", Advice: "synchronize first"}
		}
	}
	return e.m.at.Sub(s.m.at), nil
}

func (e *event) Close() error {
	e.d.mu.Lock()
	defer e.d.mu.Unlock()
	e.closed = true
	e.d.events = remove(e.d.events, e)
	return nil
}
