package jpeg

import (
	"errors"
	"image"
	"image/color"
	"math"
)

// image transforms the coefficients into pixels.
func (d *decoder) image() (image.Image, error) {
	for i := range d.comps {
		c := &d.comps[i]
		if c.coeffs == nil {
			return nil, errTruncated
		}
		if d.quant[c.quant] == nil {
			return nil, errors.New("a quantization table is missing")
		}
		d.transformBlocks(c)
	}
	if len(d.comps) == 1 {
		return &image.Gray{Pix: d.comps[0].pixels, Stride: 8 * d.comps[0].stride, Rect: image.Rect(0, 0, d.width, d.height)}, nil
	}
	img := image.NewRGBA(image.Rect(0, 0, d.width, d.height))
	rows := make([][]byte, len(d.comps))
	columns := d.columns()
	for y := range d.height {
		for i := range d.comps {
			c := &d.comps[i]
			at := nearest(y, c.v, d.vMax) * 8 * c.stride
			rows[i] = c.pixels[at : at+8*c.stride]
		}
		for x := range d.width {
			var v [4]byte
			for i := range d.comps {
				v[i] = rows[i][columns[i][x]]
			}
			r, g, b := d.colour(v)
			copy(img.Pix[img.PixOffset(x, y):], []byte{r, g, b, 255})
		}
	}
	return img, nil
}

// columns are where the samples of each pixel of a row lie, by component.
func (d *decoder) columns() [][]int {
	columns := make([][]int, len(d.comps))
	for i := range d.comps {
		columns[i] = make([]int, d.width)
		for x := range d.width {
			columns[i][x] = nearest(x, d.comps[i].h, d.hMax)
		}
	}
	return columns
}

// nearest returns the sample whose area holds the middle of pixel i, of a component with factor of most samples.
func nearest(i, factor, most int) int { return (2*i + 1) * factor / (2 * most) }

// colour returns the colour of a pixel. Adobe stores CMYK inverted.
func (d *decoder) colour(v [4]byte) (r, g, b byte) {
	rgb := d.transform == 0 || d.transform < 0 && d.comps[0].id == 'R' && d.comps[1].id == 'G' && d.comps[2].id == 'B'
	if len(d.comps) == 3 {
		if rgb {
			return v[0], v[1], v[2]
		}
		return color.YCbCrToRGB(v[0], v[1], v[2])
	}
	if d.transform < 0 {
		return color.CMYKToRGB(v[0], v[1], v[2], v[3])
	}
	c, m, y := 255-v[0], 255-v[1], 255-v[2]
	if d.transform != 0 {
		c, m, y = color.YCbCrToRGB(v[0], v[1], v[2])
	}
	return color.CMYKToRGB(c, m, y, 255-v[3])
}

// cosines is the basis of the inverse transform: [x][u] C(u)/2 cos((2x+1) u pi / 16) (T.81 A.3.3).
var cosines = func() (t [8][8]float32) {
	for x := range 8 {
		for u := range 8 {
			scale := 0.5
			if u == 0 {
				scale = math.Sqrt(0.125)
			}
			t[x][u] = float32(scale * math.Cos(float64((2*x+1)*u)*math.Pi/16))
		}
	}
	return
}()

func (d *decoder) transformBlocks(c *component) {
	quant := d.quant[c.quant]
	c.pixels = make([]byte, len(c.coeffs))
	for block := range len(c.coeffs) / 64 {
		inverseDCT(c.coeffs[64*block:64*block+64], quant, c.pixels[block/c.stride*64*c.stride+block%c.stride*8:], 8*c.stride)
	}
	c.coeffs = nil
}

// inverseDCT writes the pixels of a block.
func inverseDCT(coeffs []int16, quant *[64]uint16, dst []byte, stride int) {
	var rows [64]float32 // [v][x]
	for v := range 8 {
		for u := range 8 {
			k := coeffs[8*v+u]
			if k == 0 {
				continue
			}
			value := float32(k) * float32(quant[8*v+u])
			for x := range 8 {
				rows[8*v+x] += value * cosines[x][u]
			}
		}
	}
	for y := range 8 {
		for x := range 8 {
			sum := float32(128.5)
			for v := range 8 {
				sum += rows[8*v+x] * cosines[y][v]
			}
			dst[y*stride+x] = byte(min(max(sum, 0), 255))
		}
	}
}
