package data

import (
	"errors"
	"fmt"
	"image"
	stddraw "image/draw"

	"golang.org/x/image/draw"
)

// Limits on one picture, checked before it is decoded.
const (
	MaxPictureBytes  = 1 << 28 // of the file
	MaxPicturePixels = 1 << 26 // 8192 x 8192
	maxPictureSide   = 1 << 16
)

// pictureHeader is what a picture says of itself before it is decoded.
type pictureHeader struct {
	format        *pictureFormat
	width, height int // as stored, before the orientation is applied
	orientation   int // 1..8, as in EXIF
}

// readPictureHeader reads the header of a picture and refuses sizes beyond the limits.
func readPictureHeader(b []byte) (pictureHeader, error) {
	h := pictureHeader{orientation: 1}
	if len(b) == 0 {
		return h, errors.New("the file is empty")
	}
	format, err := formatOf(b)
	if err != nil {
		return h, err
	}
	h.format = format
	c, err := format.config(b)
	if err != nil {
		return h, err
	}
	if h.width, h.height = c.Width, c.Height; h.width < 1 || h.height < 1 {
		return h, fmt.Errorf("%dx%d pixels", h.width, h.height)
	}
	if h.width > maxPictureSide || h.height > maxPictureSide || int64(h.width)*int64(h.height) > MaxPicturePixels {
		return h, fmt.Errorf("%dx%d pixels claimed by %d bytes; more than %d, or a side of more than %d, are refused before decoding: scale the picture down",
			h.width, h.height, len(b), MaxPicturePixels, maxPictureSide)
	}
	h.orientation = format.orientation(b)
	return h, nil
}

// size is the height and width as a viewer shows the picture.
func (h pictureHeader) size() (height, width int) {
	if h.orientation >= 5 {
		return h.width, h.height
	}
	return h.height, h.width
}

// decodePicture brings a picture to dst, H,W,C bytes with 1 or 3 channels: turned as its EXIF
// orientation says, the largest centred
// part of the wanted proportions scaled by Catmull-Rom interpolation (an antialiasing kernel when
// it shrinks), transparency laid on
// white, grey by the luma of ITU-R BT.601.
func decodePicture(b []byte, c, h, w int, dst []byte) error {
	head, err := readPictureHeader(b)
	if err != nil {
		return err
	}
	src, err := head.format.decode(b)
	if err != nil {
		return err
	}
	if size := src.Bounds().Size(); size.X != head.width || size.Y != head.height {
		return fmt.Errorf("the header says %dx%d pixels, the picture has %dx%d", head.width, head.height, size.X, size.Y)
	}
	sh, sw := h, w // of the picture as stored
	if head.orientation >= 5 {
		sh, sw = w, h
	}
	scaled := fit(src, sh, sw)
	write := writeColour
	if c == 1 {
		write = writeGrey
	}
	for y := range h {
		for x := range w {
			sx, sy := oriented(head.orientation, x, y, sw, sh)
			write(dst[(y*w+x)*c:], scaled.Pix[sy*scaled.Stride+4*sx:])
		}
	}
	return nil
}

// fit scales the largest centred part of h:w proportions to h x w pixels on white.
func fit(src image.Image, h, w int) *image.RGBA {
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	part := centred(src.Bounds(), h, w)
	if part.Dx() == w && part.Dy() == h {
		stddraw.Draw(dst, dst.Rect, image.White, image.Point{}, stddraw.Src)
		stddraw.Draw(dst, dst.Rect, src, part.Min, stddraw.Over)
		return dst
	}
	if o, ok := src.(interface{ Opaque() bool }); ok && o.Opaque() {
		draw.CatmullRom.Scale(dst, dst.Rect, src, part, draw.Src, nil)
		return dst
	}
	stddraw.Draw(dst, dst.Rect, image.White, image.Point{}, stddraw.Src)
	draw.CatmullRom.Scale(dst, dst.Rect, src, part, draw.Over, nil)
	return dst
}

// centred is the largest part of b, in its middle, of the proportions h:w, at least one pixel.
func centred(b image.Rectangle, h, w int) image.Rectangle {
	bw, bh := b.Dx(), b.Dy()
	if bw*h > bh*w {
		bw = max((bh*w+h/2)/h, 1)
	} else {
		bh = max((bw*h+w/2)/w, 1)
	}
	x, y := b.Min.X+(b.Dx()-bw)/2, b.Min.Y+(b.Dy()-bh)/2
	return image.Rect(x, y, x+bw, y+bh)
}

// writeColour and writeGrey write one pixel of an opaque RGBA.
func writeColour(dst, rgba []byte) { copy(dst[:3], rgba) }

func writeGrey(dst, rgba []byte) {
	dst[0] = byte((19595*uint32(rgba[0]) + 38470*uint32(rgba[1]) + 7471*uint32(rgba[2]) + 1<<15) >> 16)
}
