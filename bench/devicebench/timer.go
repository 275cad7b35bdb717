package devicebench

import (
	"fmt"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// timer measures launches with events around replays of a graph.
type timer struct {
	dev        cuda.Device
	stream     cuda.Stream
	start, end cuda.Event
}

func newTimer(d cuda.Device) (*timer, error) {
	t := &timer{dev: d}
	var err error
	if t.stream, err = d.NewStream(); err != nil {
		return nil, err
	}
	if t.start, err = d.NewEvent(); err != nil {
		return nil, err
	}
	t.end, err = d.NewEvent()
	return t, err
}

const (
	roundSeconds = 4e-3 // a round takes about as long, so that an event's resolution does not matter
	mostCalls    = 400  // a round
)

// calls returns the seconds of one call, in each of some rounds: sets holds the same call on different buffers, which take turns.
func (t *timer) calls(sets [][]gpu.Recorded, rounds int) ([]float64, error) {
	once, err := t.replays(sets, 1, 3)
	if err != nil {
		return nil, err
	}
	per := once[len(once)-1]
	repeat := 1
	if per > 0 {
		repeat = max(1, min(mostCalls, int(roundSeconds/per))/len(sets))
	}
	return t.replays(sets, repeat, rounds)
}

// replays captures repeat turns through sets and times replays; the first one is a warm-up and does not count.
func (t *timer) replays(sets [][]gpu.Recorded, repeat, rounds int) ([]float64, error) {
	g, err := t.capture(sets, repeat)
	if err != nil {
		return nil, err
	}
	defer g.Close()
	seconds := make([]float64, 0, rounds)
	for i := range rounds + 1 {
		s, err := t.events(func() error { return t.stream.LaunchGraph(g) })
		if err != nil {
			return nil, err
		}
		if i > 0 {
			seconds = append(seconds, s/float64(repeat*len(sets)))
		}
	}
	return seconds, nil
}

func (t *timer) capture(sets [][]gpu.Recorded, repeat int) (cuda.Graph, error) {
	if err := t.stream.BeginCapture(); err != nil {
		return nil, err
	}
	for range repeat {
		for _, set := range sets {
			for _, l := range set {
				if err := t.stream.Launch(l.Function, l.Launch); err != nil {
					_, _ = t.stream.EndCapture() // the first error is the one to tell
					return nil, err
				}
			}
		}
	}
	return t.stream.EndCapture()
}

// events returns the seconds between two events around queued work.
func (t *timer) events(work func() error) (float64, error) {
	if err := t.stream.Record(t.start); err != nil {
		return 0, err
	}
	if err := work(); err != nil {
		return 0, err
	}
	if err := t.stream.Record(t.end); err != nil {
		return 0, err
	}
	if err := t.stream.Synchronize(); err != nil {
		return 0, err
	}
	d, err := t.end.Elapsed(t.start)
	return d.Seconds(), err
}

// copyRate is the rate of a copy inside the device in bytes a second, read and written, and the bytes copied.
func (t *timer) copyRate(rounds int) (float64, int64, error) {
	free, _, err := t.dev.MemInfo()
	if err != nil {
		return 0, 0, err
	}
	n := min(int64(1)<<30, free/8) &^ 255
	if n == 0 {
		return 0, 0, fmt.Errorf("%d bytes of device memory are free: too few to measure a copy", free)
	}
	from, err := t.dev.Alloc(n, "copy source")
	if err != nil {
		return 0, 0, err
	}
	defer from.Close()
	to, err := t.dev.Alloc(n, "copy target")
	if err != nil {
		return 0, 0, err
	}
	defer to.Close()
	if err := t.dev.Memset(from.Ptr(), 1, n); err != nil {
		return 0, 0, err
	}
	const repeat = 8
	best := 0.0
	for range rounds + 1 {
		s, err := t.events(func() error {
			for range repeat {
				if err := t.stream.Copy(to.Ptr(), from.Ptr(), n); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return 0, 0, err
		}
		best = max(best, 2*float64(repeat*n)/s)
	}
	return best, n, nil
}
