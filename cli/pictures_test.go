package cli_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// makePictures makes pictures of two classes, circles and stripes: mkpictures PATH N, where PATH is a folder or ends in .zip. Every other
// one is a JPEG, the PNG ones are grey, coloured or transparent by turns, and sizes go from 24x24 to 150x120.
func makePictures(args []string) error {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	write := func(name string, b []byte) error {
		path := filepath.Join(args[0], filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		return os.WriteFile(path, b, 0o666)
	}
	if strings.HasSuffix(args[0], ".zip") {
		f, err := os.Create(args[0])
		if err != nil {
			return err
		}
		defer f.Close()
		z := zip.NewWriter(f)
		defer z.Close()
		write = func(name string, b []byte) error {
			w, err := z.Create(name)
			if err == nil {
				_, err = w.Write(b)
			}
			return err
		}
	}
	for i := range n {
		var b bytes.Buffer
		name := fmt.Sprintf("%s/%04d.png", []string{"circles", "stripes"}[i%2], i)
		if i%4 < 2 {
			name = strings.TrimSuffix(name, "png") + "jpg"
			err = jpeg.Encode(&b, drawPicture(i), nil)
		} else {
			err = png.Encode(&b, drawPicture(i))
		}
		if err != nil {
			return err
		}
		if err := write(name, b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// isPNG fails on a file that is no PNG: ispng FILE.
func isPNG(args []string) error {
	f, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = png.Decode(f)
	return err
}

// drawPicture draws picture i: a circle or stripes whose place, size and colours depend on i.
func drawPicture(i int) image.Image {
	w, h := 24+i*37%127, 24+i*23%97
	var img interface {
		image.Image
		Set(x, y int, c color.Color)
	} = image.NewNRGBA(image.Rect(0, 0, w, h))
	if i%12 == 6 {
		img = image.NewGray(img.Bounds())
	}
	ground := color.NRGBA{byte(i * 7), byte(i * 5), byte(255 - i*3), 255}
	if i%8 == 2 {
		ground.A = 0
	}
	shape := color.NRGBA{byte(255 - i*7), byte(200 - i*5), byte(i * 3), 255}
	for y := range h {
		for x := range w {
			inside := math.Hypot(float64(x-w/2), float64(y-h/2)) < float64(min(w, h))*(0.25+0.02*float64(i%9))
			if i%2 == 1 {
				inside = (x*8/w+i)%2 == 0
			}
			if inside {
				img.Set(x, y, shape)
			} else {
				img.Set(x, y, ground)
			}
		}
	}
	return img
}
