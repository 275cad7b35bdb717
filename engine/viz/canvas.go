package viz

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// canvas draws anti-aliased shapes. Coordinates are pixels, y downwards.
type canvas struct {
	img  *image.RGBA
	clip image.Rectangle // nothing is drawn outside
}

func newCanvas(w, h int) *canvas {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Bounds(), image.NewUniform(paper), image.Point{}, draw.Src)
	return &canvas{img: img, clip: img.Bounds()}
}

// blend puts a colour over a pixel with the given opacity.
func (c *canvas) blend(x, y int, col color.RGBA, alpha float64) {
	i := c.img.PixOffset(x, y)
	p := c.img.Pix[i : i+3 : i+3]
	for k, v := range [3]uint8{col.R, col.G, col.B} {
		p[k] = uint8(float64(p[k])*(1-alpha) + float64(v)*alpha + 0.5)
	}
}

// dot fills a disc of radius r.
func (c *canvas) dot(x, y, r float64, col color.RGBA, alpha float64) {
	box := image.Rect(int(math.Floor(x-r-1)), int(math.Floor(y-r-1)), int(math.Ceil(x+r+1)), int(math.Ceil(y+r+1))).Intersect(c.clip)
	for py := box.Min.Y; py < box.Max.Y; py++ {
		for px := box.Min.X; px < box.Max.X; px++ {
			d := math.Hypot(float64(px)+0.5-x, float64(py)+0.5-y)
			if cover := min(max(r+0.5-d, 0), 1); cover > 0 {
				c.blend(px, py, col, cover*alpha)
			}
		}
	}
}

type point struct{ x, y float64 }

// polygon fills a closed path.
func (c *canvas) polygon(path []point, col color.RGBA) {
	lowX, lowY, highX, highY := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, p := range path {
		lowX, lowY, highX, highY = min(lowX, p.x), min(lowY, p.y), max(highX, p.x), max(highY, p.y)
	}
	box := image.Rect(int(math.Floor(lowX)), int(math.Floor(lowY)), int(math.Ceil(highX))+1, int(math.Ceil(highY))+1)
	if box.Intersect(c.clip).Empty() || box.Dx() > 4096 || box.Dy() > 4096 {
		return
	}
	r := vector.NewRasterizer(box.Dx(), box.Dy())
	for i, p := range path {
		x, y := float32(p.x-float64(box.Min.X)), float32(p.y-float64(box.Min.Y))
		if i == 0 {
			r.MoveTo(x, y)
		} else {
			r.LineTo(x, y)
		}
	}
	r.ClosePath()
	mask := image.NewAlpha(image.Rect(0, 0, box.Dx(), box.Dy()))
	r.Draw(mask, mask.Bounds(), image.Opaque, image.Point{})
	inside := box.Intersect(c.clip)
	draw.DrawMask(c.img, inside, image.NewUniform(col), image.Point{}, mask, inside.Min.Sub(box.Min), draw.Over)
}

// line draws a straight line of the given width.
func (c *canvas) line(x0, y0, x1, y1, width float64, col color.RGBA) {
	length := math.Hypot(x1-x0, y1-y0)
	if length == 0 {
		return
	}
	nx, ny := -(y1-y0)/length*width/2, (x1-x0)/length*width/2
	c.polygon([]point{{x0 + nx, y0 + ny}, {x1 + nx, y1 + ny}, {x1 - nx, y1 - ny}, {x0 - nx, y0 - ny}}, col)
}

// arrow draws a line with a filled head at its end. A vector shorter than its
// head shrinks the head.
func (c *canvas) arrow(x0, y0, x1, y1, width float64, col color.RGBA) {
	length := math.Hypot(x1-x0, y1-y0)
	if length < 0.3 {
		c.dot(x0, y0, width/2, col, 1)
		return
	}
	ux, uy := (x1-x0)/length, (y1-y0)/length
	head := min(4*width, 0.6*length)
	bx, by := x1-ux*head, y1-uy*head
	half := head * 0.45
	c.line(x0, y0, bx+ux*0.5, by+uy*0.5, min(width, half), col)
	c.polygon([]point{{x1, y1}, {bx - uy*half, by + ux*half}, {bx + uy*half, by - ux*half}}, col)
}

// outline draws the border of a rectangle, one pixel wide.
func (c *canvas) outline(r image.Rectangle, col color.RGBA) {
	u := image.NewUniform(col)
	for _, side := range []image.Rectangle{
		{r.Min, image.Pt(r.Max.X, r.Min.Y+1)}, {image.Pt(r.Min.X, r.Max.Y-1), r.Max},
		{r.Min, image.Pt(r.Min.X+1, r.Max.Y)}, {image.Pt(r.Max.X-1, r.Min.Y), r.Max},
	} {
		draw.Draw(c.img, side, u, image.Point{}, draw.Src)
	}
}

var parseFont = sync.OnceValues(func() (*opentype.Font, error) { return opentype.Parse(goregular.TTF) })

// newFace returns the pictures' font at a height in pixels.
func newFace(size float64) (font.Face, error) {
	f, err := parseFont()
	if err != nil {
		return nil, fmt.Errorf("loading the font: %w", err)
	}
	return opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72})
}

// textWidth returns the pixels that text needs, 0 if there is no font.
func textWidth(s string, size float64) float64 {
	face, err := newFace(size)
	if err != nil {
		return 0
	}
	defer face.Close()
	return float64(font.MeasureString(face, s)) / 64
}

// text writes s with its baseline at y; align 0 starts at x, 0.5 centres on
// it, 1 ends there.
func (c *canvas) text(x, y, size, align float64, s string, col color.RGBA) error {
	face, err := newFace(size)
	if err != nil {
		return err
	}
	defer face.Close()
	d := font.Drawer{Dst: c.img, Src: image.NewUniform(col), Face: face}
	x -= align * float64(d.MeasureString(s)) / 64
	d.Dot = fixed.Point26_6{X: fixed.Int26_6(math.Round(x * 64)), Y: fixed.Int26_6(math.Round(y * 64))}
	d.DrawString(s)
	return nil
}
