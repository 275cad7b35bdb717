package watch

import "math"

// buckets is how many buckets a histogram has; TensorBoard shows thirty.
const buckets = 30

// histogram is HistogramProto: bucket i counts the values above limits[i-1] up to limits[i].
type histogram struct {
	min, max, num, sum, squares float64
	limits, counts              []float64
}

// newHistogram counts values in equal buckets from the least to the greatest. Values that are not finite are left out.
func newHistogram(values []float32) *histogram {
	h := &histogram{min: math.Inf(1), max: math.Inf(-1)}
	for _, v := range values {
		if x := float64(v); !math.IsNaN(x) && !math.IsInf(x, 0) {
			h.min, h.max = math.Min(h.min, x), math.Max(h.max, x)
			h.num++
			h.sum += x
			h.squares += x * x
		}
	}
	if h.num == 0 {
		h.min, h.max = 0, 0
	}
	width := (h.max - h.min) / buckets
	if width == 0 {
		h.limits, h.counts = []float64{h.max}, []float64{h.num}
		return h
	}
	h.limits, h.counts = make([]float64, buckets), make([]float64, buckets)
	for i := range h.limits {
		h.limits[i] = h.min + width*float64(i+1)
	}
	h.limits[buckets-1] = h.max
	for _, v := range values {
		if x := float64(v); !math.IsNaN(x) && !math.IsInf(x, 0) {
			h.counts[min(int((x-h.min)/width), buckets-1)]++
		}
	}
	return h
}
