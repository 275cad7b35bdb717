package viz

import (
	"image"
	"image/color"
	"math"
	"slices"
)

// bin is a cell of the colour cube with 5 bits a channel.
type bin struct {
	key   int // r, g, b in 5 bits each
	count float64
	sum   [3]float64
}

func binKey(r, g, b uint8) int { return int(r>>3)<<10 | int(g>>3)<<5 | int(b>>3) }

// channel returns the 5-bit value of channel k (0 is red).
func (b bin) channel(k int) int { return b.key >> (10 - 5*k) & 31 }

// quantizer maps colours to a palette chosen for a set of pictures by median
// cut (Heckbert 1982).
type quantizer struct {
	palette color.Palette
	index   []uint8 // by binKey
}

// newQuantizer chooses at most colors colours (2..256).
func newQuantizer(pictures []*image.RGBA, colors int) *quantizer {
	cube := make([]bin, 1<<15)
	for _, img := range pictures {
		for i := 0; i+3 < len(img.Pix); i += 4 {
			p := img.Pix[i : i+3 : i+3]
			b := &cube[binKey(p[0], p[1], p[2])]
			b.count++
			for k := range 3 {
				b.sum[k] += float64(p[k])
			}
		}
	}
	var used []bin
	for key, b := range cube {
		if b.count > 0 {
			b.key = key
			used = append(used, b)
		}
	}
	q := &quantizer{index: make([]uint8, 1<<15)}
	for i, box := range medianCut(used, colors) {
		q.palette = append(q.palette, meanColor(box))
		for _, b := range box {
			q.index[b.key] = uint8(i)
		}
	}
	return q
}

// medianCut splits the bins until there are n boxes or none can be split. The
// next box to split is the widest one, weighted by how many pixels it holds.
func medianCut(bins []bin, n int) [][]bin {
	if len(bins) == 0 {
		return nil
	}
	boxes := [][]bin{bins}
	for len(boxes) < n {
		best, bestScore, bestAxis := -1, 0.0, 0
		for i, box := range boxes {
			axis, width := widest(box)
			if score := width * math.Sqrt(pixels(box)); score > bestScore {
				best, bestScore, bestAxis = i, score, axis
			}
		}
		if best < 0 {
			break
		}
		low, high := split(boxes[best], bestAxis)
		boxes[best] = low
		boxes = append(boxes, high)
	}
	return boxes
}

// widest returns the channel in which a box extends farthest, and how far.
func widest(box []bin) (axis int, width float64) {
	for k := range 3 {
		low, high := 31, 0
		for _, b := range box {
			low, high = min(low, b.channel(k)), max(high, b.channel(k))
		}
		if w := float64(high - low); w > width {
			axis, width = k, w
		}
	}
	return axis, width
}

func pixels(box []bin) (n float64) {
	for _, b := range box {
		n += b.count
	}
	return n
}

// split cuts a box along a channel where half its pixels lie on either side;
// both parts have at least one bin.
func split(box []bin, axis int) (low, high []bin) {
	slices.SortStableFunc(box, func(a, b bin) int { return a.channel(axis) - b.channel(axis) })
	half, seen := pixels(box)/2, 0.0
	for i, b := range box {
		seen += b.count
		if seen >= half {
			cut := min(max(i, 1), len(box)-1)
			return box[:cut:cut], box[cut:]
		}
	}
	return box[:1:1], box[1:]
}

func meanColor(box []bin) color.Color {
	n := pixels(box)
	var mean [3]uint8
	for k := range mean {
		sum := 0.0
		for _, b := range box {
			sum += b.sum[k]
		}
		mean[k] = uint8(math.Round(sum / n))
	}
	return color.RGBA{mean[0], mean[1], mean[2], 0xff}
}

// paletted converts a picture.
func (q *quantizer) paletted(img *image.RGBA) *image.Paletted {
	out := image.NewPaletted(img.Bounds(), q.palette)
	for i := range out.Pix {
		p := img.Pix[4*i : 4*i+3 : 4*i+3]
		out.Pix[i] = q.index[binKey(p[0], p[1], p[2])]
	}
	return out
}
