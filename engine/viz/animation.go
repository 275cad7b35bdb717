package viz

import (
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"math"
)

// AnimationOptions set the timing and the size of an animation. Zero values
// choose 8 hundredths of a second a frame, 2 seconds for the last one, and 360
// pixels for point sets.
type AnimationOptions struct {
	Delay, Hold int         // hundredths of a second a frame, and for the last one
	Size        int         // width and height of a picture of points, in pixels
	Extent      float64     // half width of the square of points shown; 0: from the points
	Grid        GridOptions // for images
}

func (o AnimationOptions) fill() AnimationOptions {
	if o.Delay < 1 {
		o.Delay = 8
	}
	if o.Hold < 1 {
		o.Hold = 200
	}
	if o.Size < 1 {
		o.Size = 360
	}
	return o
}

// Frames returns at most want of the indices 0..total-1, evenly spaced, the
// first and the last included: which states of a long chain to show.
func Frames(total, want int) []int {
	if want >= total || want < 2 {
		want = max(min(want, total), min(total, 1))
	}
	picked := make([]int, want)
	for i := range picked {
		picked[i] = total - 1
		if want > 1 {
			picked[i] = i * (total - 1) / (want - 1)
		}
	}
	return picked
}

// AnimatePoints shows point sets one after another, in the order given (for
// the reverse process from t = T to 0). Point i is one sample in every frame;
// its colour is the rank of its distance from the origin in the last frame.
func AnimatePoints(frames []Snapshot, options AnimationOptions) (*gif.GIF, error) {
	if len(frames) == 0 {
		return nil, fmt.Errorf("an animation needs at least one frame")
	}
	o := options.fill()
	last := frames[len(frames)-1].XY
	for _, f := range frames {
		if err := checkPoints(f.Label, f.XY, len(last)/2); err != nil {
			return nil, err
		}
	}
	if o.Extent == 0 {
		o.Extent = Extent(frames[0].XY, last)
	}
	hue := RadiusHue(last)
	pictures := make([]*image.RGBA, len(frames))
	for i, f := range frames {
		c := newCanvas(o.Size, o.Size)
		p := panel{c, image.Rect(0, 0, o.Size, o.Size), o.Extent}
		if err := p.snapshot(f, hue); err != nil {
			return nil, err
		}
		pictures[i] = c.img
	}
	q := newQuantizer(pictures, 64)
	g := &gif.GIF{}
	for _, img := range pictures {
		g.Image = append(g.Image, q.paletted(img))
	}
	return o.timed(g), nil
}

// AnimateImages shows grids of images one after another, in the order given.
// Every frame has the same shape. One channel is shown in 64 greys, three
// channels in 256 colours chosen for the whole animation.
func AnimateImages(frames []Images, options AnimationOptions) (*gif.GIF, error) {
	if len(frames) == 0 {
		return nil, fmt.Errorf("an animation needs at least one frame")
	}
	o := options.fill()
	g := &gif.GIF{}
	var pictures []*image.RGBA
	for i, m := range frames {
		if f := frames[0]; m.N != f.N || m.C != f.C || m.H != f.H || m.W != f.W {
			return nil, fmt.Errorf("frame %d has shape [%d %d %d %d], the first has [%d %d %d %d]", i, m.N, m.C, m.H, m.W, f.N, f.C, f.H, f.W)
		}
		img, err := Grid(m, o.Grid)
		if err != nil {
			return nil, fmt.Errorf("frame %d: %w", i, err)
		}
		switch img := img.(type) {
		case *image.Gray:
			g.Image = append(g.Image, greys(img))
		case *image.RGBA:
			pictures = append(pictures, img)
		}
	}
	if len(pictures) > 0 {
		q := newQuantizer(pictures, 256)
		for _, img := range pictures {
			g.Image = append(g.Image, q.paletted(img))
		}
	}
	return o.timed(g), nil
}

// timed sets the delays of an animation that repeats for ever.
func (o AnimationOptions) timed(g *gif.GIF) *gif.GIF {
	for range g.Image {
		g.Delay = append(g.Delay, o.Delay)
		g.Disposal = append(g.Disposal, gif.DisposalNone)
	}
	g.Delay[len(g.Delay)-1] = o.Hold
	return g
}

// greyPalette has 64 greys from black to white.
var greyPalette = func() color.Palette {
	p := make(color.Palette, 64)
	for i := range p {
		p[i] = color.Gray{Y: uint8(math.Round(float64(i) * 255 / 63))}
	}
	return p
}()

func greys(img *image.Gray) *image.Paletted {
	out := image.NewPaletted(img.Bounds(), greyPalette)
	for i, y := range img.Pix {
		out.Pix[i] = uint8((int(y)*63 + 127) / 255)
	}
	return out
}
