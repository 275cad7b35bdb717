package viz

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
)

// Images are n pictures of c channels (1 or 3) and h x w pixels. Data is
// N,C,H,W with model values: -1 is black, 1 is white.
type Images struct {
	Data       []float32
	N, C, H, W int
}

// check reports a shape that cannot be drawn or a value that is not finite.
func (m Images) check() error {
	if m.N < 1 || m.H < 1 || m.W < 1 || (m.C != 1 && m.C != 3) {
		return fmt.Errorf("images of shape [%d %d %d %d] cannot be drawn: want N,C,H,W with 1 or 3 channels", m.N, m.C, m.H, m.W)
	}
	size := m.C * m.H * m.W
	if len(m.Data) != m.N*size {
		return fmt.Errorf("images of shape [%d %d %d %d] have %d values, want %d", m.N, m.C, m.H, m.W, len(m.Data), m.N*size)
	}
	for i, v := range m.Data {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("image %d has the value %g at channel %d, row %d, column %d", i/size, v, i%size/(m.H*m.W), i%(m.H*m.W)/m.W, i%m.W)
		}
	}
	return nil
}

// GridOptions arrange a grid. Zero values choose: a nearly square grid, a
// scale at which the picture is at least about 250 pixels wide, a gap of 2.
type GridOptions struct {
	Columns int
	Scale   int // every pixel becomes Scale x Scale pixels
	Gap     int // pixels between images and around them; negative: none
}

func (o GridOptions) fill(m Images) GridOptions {
	if o.Columns < 1 {
		o.Columns = int(math.Ceil(math.Sqrt(float64(m.N))))
	}
	o.Columns = min(o.Columns, m.N)
	if o.Scale < 1 {
		o.Scale = min(max(250/(o.Columns*m.W), 1), 8)
	}
	if o.Gap == 0 {
		o.Gap = 2
	}
	o.Gap = max(o.Gap, 0)
	return o
}

// Grid draws images row by row on white. Values are clipped to [-1, 1] and
// rounded to 8 bits: round((v + 1) * 127.5). The result is an *image.Gray for
// one channel, else an *image.RGBA.
func Grid(m Images, options GridOptions) (image.Image, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	o := options.fill(m)
	rows := (m.N + o.Columns - 1) / o.Columns
	bounds := image.Rect(0, 0, o.Columns*(m.W*o.Scale+o.Gap)+o.Gap, rows*(m.H*o.Scale+o.Gap)+o.Gap)
	var dst draw.Image = image.NewRGBA(bounds)
	if m.C == 1 {
		dst = image.NewGray(bounds)
	}
	draw.Draw(dst, bounds, image.White, image.Point{}, draw.Src)
	for i := range m.N {
		x := o.Gap + i%o.Columns*(m.W*o.Scale+o.Gap)
		y := o.Gap + i/o.Columns*(m.H*o.Scale+o.Gap)
		m.drawOne(dst, i, x, y, o.Scale)
	}
	return dst, nil
}

func (m Images) drawOne(dst draw.Image, i, x0, y0, scale int) {
	plane := m.H * m.W
	pixels := m.Data[i*m.C*plane : (i+1)*m.C*plane]
	for y := range m.H * scale {
		for x := range m.W * scale {
			at := y/scale*m.W + x/scale
			switch dst := dst.(type) {
			case *image.Gray:
				dst.SetGray(x0+x, y0+y, color.Gray{Y: toByte(pixels[at])})
			case *image.RGBA:
				dst.SetRGBA(x0+x, y0+y, color.RGBA{toByte(pixels[at]), toByte(pixels[plane+at]), toByte(pixels[2*plane+at]), 0xff})
			}
		}
	}
}

// toByte maps -1..1 to 0..255.
func toByte(v float32) uint8 {
	return uint8(math.Round((min(max(float64(v), -1), 1) + 1) * 127.5))
}
