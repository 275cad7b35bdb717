package jpeg

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The pictures in testdata are one of 53x37 pixels, by cjpeg and jpegtran of libjpeg-turbo 2.1.

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decode(t testing.TB, b []byte) image.Image {
	t.Helper()
	img, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// difference is the largest and the mean difference of two pictures, in levels of a channel.
func difference(t *testing.T, a, b image.Image) (largest, mean float64) {
	t.Helper()
	if a.Bounds() != b.Bounds() {
		t.Fatalf("%v and %v", a.Bounds(), b.Bounds())
	}
	n := 0.0
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			p, q := color.RGBAModel.Convert(a.At(x, y)).(color.RGBA), color.RGBAModel.Convert(b.At(x, y)).(color.RGBA)
			for _, d := range []int{int(p.R) - int(q.R), int(p.G) - int(q.G), int(p.B) - int(q.B)} {
				largest, mean, n = max(largest, math.Abs(float64(d))), mean+math.Abs(float64(d)), n+1
			}
		}
	}
	return largest, mean / n
}

// What image/jpeg reads too is the same but for rounding in the transform, of at most one level a component.
func TestAgainstImageJPEG(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for _, size := range [][2]int{{1, 1}, {8, 8}, {17, 9}, {53, 37}, {16, 31}} {
		for _, quality := range []int{20, 75, 98} {
			rgba := image.NewRGBA(image.Rect(0, 0, size[0], size[1]))
			grey := image.NewGray(rgba.Rect)
			for i := range grey.Pix {
				grey.Pix[i] = byte(rnd.Intn(256))
				copy(rgba.Pix[4*i:], []byte{byte(i), grey.Pix[i], byte(i / 7), 255})
			}
			for _, img := range []image.Image{rgba, grey} {
				var b bytes.Buffer
				if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
					t.Fatal(err)
				}
				want, err := jpeg.Decode(bytes.NewReader(b.Bytes()))
				if err != nil {
					t.Fatal(err)
				}
				const levels = 4 // one of Y, Cb and Cr each: 1 + 1.772 at most, rounded
				if d, _ := difference(t, decode(t, b.Bytes()), want); d > levels {
					t.Errorf("%v at %d: %v levels apart", size, quality, d)
				}
			}
		}
	}
}

// Other codings of the same coefficients are the same pixels.
func TestCodings(t *testing.T) {
	want := decode(t, read(t, "huffman.jpg"))
	for _, name := range []string{"progressive.jpg", "arithmetic.jpg", "arithmetic-progressive.jpg", "arithmetic-restart.jpg", "restart.jpg"} {
		if d, _ := difference(t, decode(t, read(t, name)), want); d != 0 {
			t.Errorf("%s: %v levels apart", name, d)
		}
	}
	for _, name := range []string{"huffman.jpg", "progressive.jpg"} {
		std, err := jpeg.Decode(bytes.NewReader(read(t, name)))
		if err != nil {
			t.Fatal(err)
		}
		if d, _ := difference(t, want, std); d > 4 {
			t.Errorf("%s: %v levels from image/jpeg", name, d)
		}
	}
	for name, model := range map[string]color.Model{"grey-arithmetic.jpg": color.GrayModel, "rgb-arithmetic.jpg": color.RGBAModel} {
		img := decode(t, read(t, name))
		if img.ColorModel() != model {
			t.Errorf("%s: %T", name, img)
		}
		if _, d := difference(t, img, toModel(decode(t, read(t, "sample-1x1.jpg")), model)); d > 3 {
			t.Errorf("%s: %v levels apart on average", name, d)
		}
	}
}

// toModel converts a picture's colours.
func toModel(img image.Image, model color.Model) image.Image {
	out := image.NewRGBA(img.Bounds())
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			out.Set(x, y, model.Convert(img.At(x, y)))
		}
	}
	return out
}

// Every sampling is near the picture without subsampling: chroma is coarser, at the edge of the disc most.
func TestSamplings(t *testing.T) {
	want := decode(t, read(t, "sample-1x1.jpg"))
	files, err := filepath.Glob(filepath.Join("testdata", "sample-*.jpg"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		const levels = 12 // on average; a picture shifted by one block is 40 apart
		if _, d := difference(t, decode(t, read(t, filepath.Base(file))), want); d > levels {
			t.Errorf("%s: %v levels apart on average", file, d)
		}
	}
}

// Without the end marker every pixel is there; cut off within the data, the picture is refused as truncated.
func TestCutOff(t *testing.T) {
	for _, name := range []string{"huffman.jpg", "progressive.jpg", "sample-3x1.jpg"} {
		b := read(t, name)
		if d, _ := difference(t, decode(t, b[:len(b)-2]), decode(t, b)); d != 0 {
			t.Errorf("%s without its end: %v levels apart", name, d)
		}
	}
	b := read(t, "huffman.jpg")
	for _, n := range []int{2, 3, 100, len(b) / 2, len(b) - 20} {
		if _, err := Decode(b[:n]); err == nil || !strings.Contains(err.Error(), "truncated") {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestRefuses(t *testing.T) {
	edit := func(name string, from, to string) []byte {
		return bytes.Replace(read(t, name), []byte(from), []byte(to), 1)
	}
	for want, b := range map[string][]byte{
		"not a JPEG picture":              []byte("\x89PNG"),
		"SOF3 (lossless or hierarchical)": edit("huffman.jpg", "\xff\xc0\x00\x11", "\xff\xc3\x00\x11"),
		"a JPEG of 12 bits is not read":   edit("huffman.jpg", "\xff\xc0\x00\x11\x08", "\xff\xc0\x00\x11\x0c"),
		"sampling 5x2: expected 1..4":     edit("huffman.jpg", "\x03\x01\x22\x00", "\x03\x01\x52\x00"),
		"a scan before the frame header":  edit("huffman.jpg", "\xff\xc0\x00\x11", "\xff\xe0\x00\x11"),
		"3 components of 0x37 pixels":     edit("huffman.jpg", "\x00\x25\x00\x35", "\x00\x25\x00\x00"),
		"a Huffman table is missing":      bytes.ReplaceAll(read(t, "huffman.jpg"), []byte("\xff\xc4"), []byte("\xff\xe4")),
		"a quantization table is missing": bytes.ReplaceAll(read(t, "huffman.jpg"), []byte("\xff\xdb"), []byte("\xff\xe4")),
		"where a restart is expected":     edit("restart.jpg", "\xff\xd0", "\xff\xd9"),
	} {
		if _, err := Decode(b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// FuzzDecode: any bytes end in a picture of the size of its header or in an error.
func FuzzDecode(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("testdata", "*.jpg"))
	for _, file := range files {
		f.Add(read(f, filepath.Base(file)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := DecodeConfig(b)
		if err != nil || c.Width*c.Height > 1<<16 {
			return
		}
		img, err := Decode(b)
		if err == nil && img.Bounds().Size() != image.Pt(c.Width, c.Height) {
			t.Fatalf("%v, the header says %dx%d", img.Bounds(), c.Width, c.Height)
		}
	})
}
