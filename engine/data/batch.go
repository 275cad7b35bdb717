package data

import "fmt"

// Batch is memory for samples, channels last, that a loader fills: the caller's own, or the pinned
// memory that a device copies from.
type Batch struct {
	X      []float32 // N,H,W pixels; what lies between the channels of one and the next pixel is left alone
	Pitch  int       // elements from a pixel to the next; 0: the number of channels
	Labels []int32   // N; nil: not wanted
}

// pitch is the distance of pixels of c channels.
func (b Batch) pitch(c int) int {
	if b.Pitch == 0 {
		return c
	}
	return b.Pitch
}

// samples is how many samples of a shape the batch holds.
func (b Batch) samples(h, w, c int) (int, error) {
	size := h * w * b.pitch(c)
	if b.pitch(c) < c || len(b.X) == 0 || len(b.X)%size != 0 {
		return 0, fmt.Errorf("data: a batch of %d elements, %d a pixel: expected one or more samples of %dx%d pixels with %d channels",
			len(b.X), b.pitch(c), h, w, c)
	}
	n := len(b.X) / size
	if b.Labels != nil && len(b.Labels) != n {
		return 0, fmt.Errorf("data: a batch of %d samples: got room for %d labels, expected %d or nil", n,
			len(b.Labels), n)
	}
	return n, nil
}

// Put writes contiguous pixels of c channels from a pixel of the batch on.
func (b Batch) Put(pixel, c int, values []float32) {
	pitch := b.pitch(c)
	if pitch == c {
		copy(b.X[pixel*c:], values)
		return
	}
	for at := pixel * pitch; len(values) > 0; at += pitch {
		copy(b.X[at:at+c], values[:c])
		values = values[c:]
	}
}
