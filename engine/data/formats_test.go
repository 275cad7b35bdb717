package data

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/color/palette"
	"image/gif"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// halves is 8x8 pixels, white above and black below.
func halves() *image.NRGBA {
	img := plain(8, 8, color.Black)
	for y := range 4 {
		for x := range 8 {
			img.Set(x, y, color.White)
		}
	}
	return img
}

func encoded(t testing.TB, write func(*bytes.Buffer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Formats without loss give the pixels, whatever the names of the files.
func TestFormats(t *testing.T) {
	img := halves()
	paletted := image.NewPaletted(img.Rect, palette.Plan9)
	for i := range paletted.Pix {
		paletted.Set(i%8, i/8, img.At(i%8, i/8))
	}
	frames := &gif.GIF{Image: []*image.Paletted{paletted, image.NewPaletted(img.Rect, palette.Plan9)}, Delay: []int{1, 1}}
	for name, b := range map[string][]byte{
		"png":  pngBytes(t, img),
		"bmp":  encoded(t, func(b *bytes.Buffer) error { return bmp.Encode(b, img) }),
		"tiff": encoded(t, func(b *bytes.Buffer) error { return tiff.Encode(b, img, &tiff.Options{Compression: tiff.Deflate}) }),
		"gif":  encoded(t, func(b *bytes.Buffer) error { return gif.EncodeAll(b, frames) }),
	} {
		h, err := readPictureHeader(b)
		if err != nil || h.format.name != name || h.width != 8 || h.height != 8 {
			t.Errorf("%s: header %+v, %v", name, h, err)
			continue
		}
		if got := decode(t, b, 1, 8, 8); got[0] != 255 || got[31] != 255 || got[32] != 0 || got[63] != 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// WebP of cwebp and webpmux, from the picture of engine/data/jpeg/testdata: lossless, lossy, and an animation whose first frame lies at 4, 2.
func TestWebP(t *testing.T) {
	file := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	want := decode(t, file("lossless.webp"), 3, 37, 53)
	for y := range 37 {
		for x := range 53 {
			if r, b := want[3*(53*y+x)], want[3*(53*y+x)+2]; r != byte(4*x+y) || b != byte(6*y) {
				t.Fatalf("pixel %d, %d is %d, %d", x, y, r, b)
			}
		}
	}
	lossy, sum := decode(t, file("lossy.webp"), 3, 37, 53), 0
	for i := range want {
		sum += max(int(want[i])-int(lossy[i]), int(lossy[i])-int(want[i]))
	}
	if mean := float64(sum) / float64(len(want)); mean > 12 {
		t.Errorf("lossy: %v levels apart on average", mean)
	}
	animated := decode(t, file("animated.webp"), 3, 39, 57)
	for y := range 39 {
		for x := range 57 {
			got, pixel := animated[3*(57*y+x):][:3], []byte{255, 255, 255}
			if x >= 4 && y >= 2 {
				pixel = want[3*(53*(y-2)+x-4):][:3]
			}
			if !bytes.Equal(got, pixel) {
				t.Fatalf("animated: pixel %d, %d is %v, want %v", x, y, got, pixel)
			}
		}
	}
	h, err := readPictureHeader(file("exif.webp"))
	if height, width := h.size(); err != nil || h.orientation != 6 || height != 53 || width != 37 {
		t.Errorf("EXIF: orientation %d, %dx%d, %v", h.orientation, width, height, err)
	}
}

// A first frame smaller than the canvas lies where it says, on white.
func TestGIFCanvas(t *testing.T) {
	frame := image.NewPaletted(image.Rect(2, 4, 6, 8), color.Palette{color.Black, color.Transparent})
	b := encoded(t, func(b *bytes.Buffer) error {
		return gif.EncodeAll(b, &gif.GIF{Image: []*image.Paletted{frame}, Delay: []int{0}, Config: image.Config{Width: 8, Height: 8}})
	})
	got := decode(t, b, 1, 8, 8)
	for i, v := range got {
		if want := image.Pt(i%8, i/8).In(frame.Rect); want != (v == 0) {
			t.Fatalf("pixel %d is %d", i, v)
		}
	}
}

// chunksOf takes a PNG apart.
func chunksOf(b []byte) (chunks [][]byte) {
	for b = b[len(pngMagic):]; len(b) > 0; {
		n := 12 + int(binary.BigEndian.Uint32(b))
		chunks, b = append(chunks, b[:n:n]), b[n:]
	}
	return chunks
}

// Damage that leaves every pixel whole is read around, damage to pixels is named.
func TestPNGRepair(t *testing.T) {
	img := plain(40, 30, color.NRGBA{200, 40, 20, 255})
	for i := range img.Pix {
		if i%4 < 3 {
			img.Pix[i] += byte(i * 7)
		}
	}
	good := pngBytes(t, img)
	want := decode(t, good, 3, 30, 40)
	c := chunksOf(good) // IHDR, IDAT, IEND
	bad := func(kind string, body string) []byte {
		b := appendPNG(nil, kind, []byte(body))
		b[len(b)-1] ^= 1
		return b
	}
	idat := func(body []byte) []byte { return appendPNG(nil, "IDAT", body) }
	packed := c[1][8 : len(c[1])-4]
	build := func(parts ...[]byte) []byte { return append([]byte(pngMagic), slices.Concat(parts...)...) }
	for name, b := range map[string][]byte{
		"sum of an ancillary chunk": build(c[0], bad("iCCP", "icc\x00\x00x"), bad("tEXt", "a\x00b"), c[1], c[2]),
		"too much data":             build(c[0], c[1], idat([]byte("abc")), c[2]),
		"no end":                    build(c[0], c[1]),
		"no sum":                    build(c[0], c[1][:len(c[1])-4]),
		"end cut off":               build(c[0], c[1], c[2][:5]),
		"bad sum of the end":        build(c[0], c[1], bad("IEND", "")),
		"parts with a chunk within": build(c[0], idat(packed[:9]), bad("tIME", "1234567"), idat(packed[9:]), c[2]),
		"sum of the pixels":         build(c[0], idat(append(slices.Clone(packed[:len(packed)-1]), packed[len(packed)-1]^1)), c[2]),
		"without that sum":          build(c[0], idat(packed[:len(packed)-4])),
	} {
		got := make([]byte, len(want))
		if err := decodePicture(b, 3, 30, 40, got); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !bytes.Equal(got, want) {
			t.Errorf("%s: other pixels", name)
		}
	}
	for want, b := range map[string][]byte{
		"% of the pixels are":       build(c[0], idat(packed[:len(packed)/2])),
		"truncated: no pixels":      build(c[0], c[2]),
		"chunk 1, IDAT, is damaged": build(c[0], append(slices.Clone(c[1][:len(c[1])-1]), c[1][len(c[1])-1]^1), c[2]),
		"png: invalid format":       build(bad("IHDR", string(c[0][8:21])), c[1], c[2]),
	} {
		if err := decodePicture(b, 3, 30, 40, make([]byte, 3600)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// The pixels of interlaced and of narrow samples take as many bytes as PNG says.
func TestPNGDataSize(t *testing.T) {
	for _, c := range []struct {
		h    pngHead
		want int64
	}{
		{pngHead{width: 5, height: 3, bits: 24}, 3 * 16},
		{pngHead{width: 9, height: 2, bits: 1}, 2 * 3},
		{pngHead{width: 1, height: 1, bits: 8, interlaced: true}, 2},
		{pngHead{width: 8, height: 8, bits: 8, interlaced: true}, 64 + 15}, // passes of 1, 1, 1, 2, 2, 4 and 4 rows
	} {
		if got := c.h.dataSize(); got != c.want {
			t.Errorf("%+v: %d bytes, want %d", c.h, got, c.want)
		}
	}
}

// A PNG is turned as EXIF says, in each of the places where it is kept.
func TestPNGOrientation(t *testing.T) {
	exif := exifSegment(6, binary.BigEndian)[10:]
	xmp := `<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>`
	raw := fmt.Sprintf("\nexif\n%8d\n%s\n", len(exif)+6, hex.EncodeToString(append([]byte("Exif\x00\x00"), exif...)))
	pack := func(s string) string {
		return string(encoded(t, func(b *bytes.Buffer) error {
			z := zlib.NewWriter(b)
			_, err := z.Write([]byte(s))
			return errors.Join(err, z.Close())
		}))
	}
	c := chunksOf(pngBytes(t, halves()))
	for name, chunk := range map[string][]byte{
		"eXIf":                      appendPNG(nil, "eXIf", exif),
		"eXIf with JPEG's prefix":   appendPNG(nil, "eXIf", append([]byte("Exif\x00\x00"), exif...)),
		"ImageMagick":               appendPNG(nil, "zTXt", []byte("Raw profile type exif\x00\x00"+pack(raw))),
		"ImageMagick, uncompressed": appendPNG(nil, "tEXt", []byte("Raw profile type APP1\x00"+raw)),
		"XMP":                       appendPNG(nil, "iTXt", []byte("XML:com.adobe.xmp\x00\x00\x00\x00\x00"+xmp)),
		"XMP, compressed":           appendPNG(nil, "iTXt", []byte("XML:com.adobe.xmp\x00\x01\x00\x00\x00"+pack(xmp))),
	} {
		for _, file := range [][]byte{slices.Concat([]byte(pngMagic), c[0], chunk, c[1], c[2]), slices.Concat([]byte(pngMagic), c[0], c[1], chunk, c[2])} {
			if got := decode(t, file, 1, 8, 8); got[7] != 255 || got[63] != 255 || got[0] != 0 || got[56] != 0 {
				t.Errorf("%s: top row %v, want white on the right", name, got[:8])
			}
		}
	}
	for _, body := range []string{"", "Raw profile type exif\x00", "Raw profile type exif\x00\nexif\n 3\nzz\n", "XML:com.adobe.xmp\x00\x01"} {
		for _, kind := range []string{"eXIf", "tEXt", "zTXt", "iTXt"} {
			file := slices.Concat([]byte(pngMagic), c[0], appendPNG(nil, kind, []byte(body)), c[1], c[2])
			if got := decode(t, file, 1, 8, 8); got[0] != 255 || got[63] != 0 {
				t.Errorf("%s %q: turned", kind, body)
			}
		}
	}
}

// FuzzPNGRepair: any bytes end in a PNG that is as large as its header says, or in an error.
func FuzzPNGRepair(f *testing.F) {
	f.Add(pngBytes(f, halves()))
	f.Add(bomb(1<<15, 1<<15))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = append([]byte(pngMagic), b...)
		_ = pngOrientation(b)
		if head, err := pngHeader(b, os.ErrInvalid); err != nil || head.width*head.height > fuzzPixels {
			return
		}
		_, _ = repairPNG(b, os.ErrInvalid)
	})
}

// FuzzWebP: any bytes behind the magic end in a picture or an error.
func FuzzWebP(f *testing.F) {
	for _, name := range []string{"animated.webp", "exif.webp", "lossless.webp"} {
		b, _ := os.ReadFile(filepath.Join("testdata", name))
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := webpConfig(b)
		if err != nil || c.Width*c.Height > fuzzPixels {
			return
		}
		_ = webpOrientation(b)
		_, _ = decodeWebP(b)
	})
}
