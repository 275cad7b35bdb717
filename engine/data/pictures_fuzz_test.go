package data

import (
	"archive/zip"
	"bytes"
	"image"
	"image/color"
	"testing"
)

// fuzzPixels bounds the pictures that fuzzing decodes, so that it goes through many.
const fuzzPixels = 1 << 18

// FuzzPicture: any bytes end in a whole picture or in an error.
func FuzzPicture(f *testing.F) {
	f.Add(pngBytes(f, plain(5, 3, color.NRGBA{1, 2, 3, 90})), false)
	f.Add(pngBytes(f, image.NewGray(image.Rect(0, 0, 9, 2))), true)
	f.Add(pngBytes(f, image.NewPaletted(image.Rect(0, 0, 4, 4), color.Palette{color.Black, color.White})), true)
	photo := jpegBytes(f, plain(17, 9, color.NRGBA{1, 200, 3, 255}))
	f.Add(photo, false)
	f.Add(append(append(photo[:2:2], exifSegment(6, orders[0])...), photo[2:]...), true)
	f.Add(append(append(photo[:2:2], exifSegment(8, orders[1])...), photo[2:]...), false)
	f.Add(bomb(1<<16, 1<<16), false)
	f.Fuzz(func(t *testing.T, b []byte, grey bool) {
		h, err := readPictureHeader(b)
		if err != nil || h.width*h.height > fuzzPixels {
			return
		}
		if h.orientation < 1 || h.orientation > 8 {
			t.Fatalf("orientation %d", h.orientation)
		}
		c := 3
		if grey {
			c = 1
		}
		_ = decodePicture(b, c, 4, 6, make([]byte, c*24))
	})
}

// FuzzPictureZip: any archive ends in a list of pictures, each whole or an error.
func FuzzPictureZip(f *testing.F) {
	f.Add(zipBytes(f, map[string][]byte{"a/1.png": pngBytes(f, plain(5, 3, color.White)), "b/2.jpg": jpegBytes(f, plain(8, 8, color.Black)), "c.txt": nil}))
	f.Add(zipBytes(f, map[string][]byte{"top/x.png": bomb(1<<15, 1<<15), "top/y.png": []byte("?")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		s := newZipStore("fuzz.zip", z, func() error { return nil })
		p, err := openPictures(s, Options{Channels: 3, Height: 4, Width: 4})
		if err != nil {
			return
		}
		for i := range min(p.Len(), 8) {
			if packed, err := s.Read(int(p.files[i])); err == nil {
				if h, err := readPictureHeader(packed); err == nil && h.width*h.height > fuzzPixels {
					continue
				}
			}
			label, err := p.Sample(i, make([]float32, 48))
			if err == nil && label > 0 && int(label) >= p.Classes() {
				t.Fatalf("label %d of %d classes", label, p.Classes())
			}
		}
	})
}
