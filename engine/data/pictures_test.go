package data

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// plain is a picture of one colour.
func plain(w, h int, c color.Color) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, c)
		}
	}
	return img
}

func pngBytes(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegBytes(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// bomb is a PNG of a few bytes that claims w x h pixels.
func bomb(w, h uint32) []byte {
	b := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, body []byte) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
		part := append([]byte(kind), body...)
		b = append(b, part...)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(part))
	}
	head := binary.BigEndian.AppendUint32(nil, w)
	head = binary.BigEndian.AppendUint32(head, h)
	chunk("IHDR", append(head, 8, 2, 0, 0, 0))
	chunk("IDAT", []byte{0x78, 0x9c, 3, 0, 0, 0, 0, 1})
	chunk("IEND", nil)
	return b
}

// folder writes files into a new folder; names have slashes.
func folder(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// zipBytes packs files in the order of their names.
func zipBytes(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decode(t *testing.T, b []byte, c, h, w int) []byte {
	t.Helper()
	dst := make([]byte, c*h*w)
	if err := decodePicture(b, c, h, w, dst); err != nil {
		t.Fatal(err)
	}
	return dst
}

func TestDecodeColours(t *testing.T) {
	for name, c := range map[string]struct {
		img  image.Image
		want []byte
	}{
		"colour":           {plain(40, 20, color.NRGBA{200, 100, 50, 255}), []byte{200, 100, 50}},
		"transparent":      {plain(40, 20, color.NRGBA{200, 100, 50, 0}), []byte{255, 255, 255}},
		"half transparent": {plain(40, 20, color.NRGBA{0, 0, 0, 128}), []byte{127, 127, 127}},
		"grey":             {image.NewGray(image.Rect(0, 0, 30, 30)), []byte{0, 0, 0}},
		"16 bit":           {image.NewGray16(image.Rect(0, 0, 3, 30)), []byte{0, 0, 0}},
		"palette":          {image.NewPaletted(image.Rect(0, 0, 8, 8), color.Palette{color.NRGBA{9, 8, 7, 255}}), []byte{9, 8, 7}},
	} {
		for _, side := range []int{8, 13} {
			got := decode(t, pngBytes(t, c.img), 3, side, side)
			for i := range got {
				if d := int(got[i]) - int(c.want[i%3]); d < -1 || d > 1 {
					t.Fatalf("%s at %d: value %d is %d, want %d", name, side, i, got[i], c.want[i%3])
				}
			}
		}
	}
	if got := decode(t, jpegBytes(t, plain(64, 64, color.Gray{90})), 1, 16, 16); got[0] < 88 || got[0] > 92 {
		t.Errorf("grey of a JPEG is %d, want 90", got[0])
	}
	// The luma of pure red is 0.299 * 255.
	if got := decode(t, pngBytes(t, plain(4, 4, color.NRGBA{255, 0, 0, 255})), 1, 4, 4); got[0] != 76 {
		t.Errorf("grey of red is %d, want 76", got[0])
	}
}

// TestDecodeCrop: the middle of a wide picture is kept, and a picture of the right size is not resampled.
func TestDecodeCrop(t *testing.T) {
	img := plain(300, 100, color.NRGBA{255, 0, 0, 255})
	for y := range 100 {
		for x := 100; x < 200; x++ {
			img.Set(x, y, color.NRGBA{0, 255, 0, 255})
		}
	}
	for i, v := range decode(t, pngBytes(t, img), 3, 10, 10) {
		if want := []byte{0, 255, 0}[i%3]; v != want {
			t.Fatalf("value %d is %d, want %d", i, v, want)
		}
	}
	exact := image.NewNRGBA(image.Rect(0, 0, 7, 5))
	for i := range exact.Pix {
		exact.Pix[i] = byte(37 * i)
		if i%4 == 3 {
			exact.Pix[i] = 255
		}
	}
	got := decode(t, pngBytes(t, exact), 3, 5, 7)
	for i := range 35 {
		if !slices.Equal(got[3*i:3*i+3], exact.Pix[4*i:4*i+3]) {
			t.Fatalf("pixel %d is %v, want %v", i, got[3*i:3*i+3], exact.Pix[4*i:4*i+3])
		}
	}
}

// orders are the byte orders of a TIFF header.
var orders = []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian}

// exifSegment is an APP1 segment with an orientation.
func exifSegment(orientation byte, order binary.AppendByteOrder) []byte {
	body := []byte("Exif\x00\x00II*\x00")
	if order == binary.BigEndian {
		body = []byte("Exif\x00\x00MM\x00*")
	}
	body = order.AppendUint32(body, 8)
	body = order.AppendUint16(body, 1)
	for _, v := range []uint16{0x0112, 3} {
		body = order.AppendUint16(body, v)
	}
	body = order.AppendUint32(body, 1)
	body = order.AppendUint16(body, uint16(orientation))
	body = append(body, 0, 0, 0, 0, 0, 0)
	return append(binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(body)+2)), body...)
}

// TestOrientation: the corners of a picture stored in each of the eight ways are shown where they belong.
func TestOrientation(t *testing.T) {
	// As shown: red, green in the upper row, blue, white in the lower one.
	corners := []color.NRGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {255, 255, 255, 255}}
	const w, h = 48, 32 // as shown
	// Which corner of the picture as shown lies at the upper left, upper right, lower left and lower right as stored (EXIF 2.3, 4.6.4 A).
	stored := [9][4]int{1: {0, 1, 2, 3}, 2: {1, 0, 3, 2}, 3: {3, 2, 1, 0}, 4: {2, 3, 0, 1}, 5: {0, 2, 1, 3}, 6: {1, 3, 0, 2}, 7: {3, 1, 2, 0}, 8: {2, 0, 3, 1}}
	for o := 1; o <= 8; o++ {
		sw, sh := w, h
		if o >= 5 {
			sw, sh = h, w
		}
		img := image.NewNRGBA(image.Rect(0, 0, sw, sh))
		for y := range sh {
			for x := range sw {
				img.Set(x, y, corners[stored[o][2*(2*y/sh)+2*x/sw]])
			}
		}
		b := jpegBytes(t, img)
		b = slices.Concat(b[:2], exifSegment(byte(o), orders[o%2]), b[2:])
		got := decode(t, b, 3, 8, 12)
		for i, at := range []int{0, 11, 7 * 12, 7*12 + 11} {
			want := []byte{corners[i].R, corners[i].G, corners[i].B}
			for c := range 3 {
				if d := int(got[3*at+c]) - int(want[c]); d < -12 || d > 12 {
					t.Errorf("orientation %d: corner %d is %v, want %v", o, i, got[3*at:3*at+3], want)
				}
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := pngBytes(t, plain(20, 20, color.Black))
	photo := jpegBytes(t, plain(64, 64, color.White))
	for want, b := range map[string][]byte{
		"the file is empty":       nil,
		"neither PNG, JPEG":       []byte("GIF88a..........."),
		"refused before decoding": bomb(60000, 60000),
		"truncated: ":             good[:len(good)/2],
		"invalid checksum":        slices.Concat(good[:30], []byte{^good[30]}, good[31:]),
		"truncated: the data end": photo[:len(photo)-20],
		"HEIC, whatever its name": []byte("\x00\x00\x00\x18ftypheic....."),
		"fetch the file with git": []byte("version https://git-lfs.github.com/spec/v1\n"),
		"more than 67108864":      bomb(1<<31-1, 2),
		"more than 65536":         bomb(1<<17, 1),
	} {
		if err := decodePicture(b, 3, 8, 8, make([]byte, 192)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// someFiles are pictures of three classes, of both formats and many sizes, and a file that is none.
func someFiles(t testing.TB, n int) map[string][]byte {
	files := map[string][]byte{"notes.txt": []byte("x"), "cats/.hidden.png": []byte("x")}
	for i := range n {
		img := plain(20+i%7*3, 20+i%5*4, color.NRGBA{byte(3 * i), byte(5 * i), byte(255 - i), 255})
		class := []string{"cats", "dogs", "a-b"}[i%3]
		if i%2 == 0 {
			files[class+"/"+string(rune('a'+i/26))+string(rune('a'+i%26))+".PNG"] = pngBytes(t, img)
		} else {
			files[class+"/more/"+string(rune('a'+i/26))+string(rune('a'+i%26))+".jpeg"] = jpegBytes(t, img)
		}
	}
	return files
}

func openTest(t *testing.T, o Options) *Set {
	t.Helper()
	if o.Channels == 0 {
		o.Channels, o.Height, o.Width = 3, 16, 16
	}
	s, err := OpenSet(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestPictureSources: a folder, its zip, and a zip of the folder above hold the same samples with the same labels.
func TestPictureSources(t *testing.T) {
	files := someFiles(t, 40)
	dir := folder(t, files)
	nested := map[string][]byte{"__MACOSX/x.png": nil}
	for name, b := range files {
		nested["all/of it/"+name] = b
	}
	zips := folder(t, map[string][]byte{"a.zip": zipBytes(t, files), "b.ZIP": zipBytes(t, nested)})
	var want []float32
	for _, source := range []string{dir, filepath.Join(zips, "a.zip"), filepath.Join(zips, "b.ZIP")} {
		s := openTest(t, Options{Source: source, Seed: 3})
		if s.Kind != "pictures" || s.Train.Len() != 36 || s.HeldOut.Len() != 4 || s.Train.Classes() != 3 || !slices.Equal(s.ClassNames, []string{"a-b", "cats", "dogs"}) {
			t.Fatalf("%s: %s, %d + %d pictures, classes %v", source, s.Kind, s.Train.Len(), s.HeldOut.Len(), s.ClassNames)
		}
		var got []float32
		for _, ds := range []Dataset{s.Train, s.HeldOut} {
			for i := range ds.Len() {
				x := make([]float32, 3*16*16)
				label, err := ds.Sample(i, x)
				if err != nil {
					t.Fatal(err)
				}
				got = append(append(got, float32(label)), x...)
			}
		}
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s holds other samples than %s", source, dir)
		}
	}
	// Pictures that lie at the top have no class.
	s := openTest(t, Options{Source: folder(t, map[string][]byte{"a.png": files["cats/aa.PNG"], "b/c.png": files["cats/aa.PNG"]})})
	if s.Train.Classes() != 0 || s.ClassNames != nil {
		t.Errorf("classes %v of pictures at the top", s.ClassNames)
	}
}

// TestWorkersAndCacheChangeNothing: batches are the same with any number of workers, batches ahead and cache.
func TestWorkersAndCacheChangeNothing(t *testing.T) {
	dir := folder(t, someFiles(t, 30))
	const batch, steps = 8, 6
	var want []float32
	for _, c := range []struct {
		workers, ahead int
		cache          int64
	}{{1, 1, -1}, {3, 1, -1}, {7, 4, 5 * 3 * 16 * 16}, {2, 3, 0}} {
		s := openTest(t, Options{Source: dir, CacheBytes: c.cache})
		l := mustLoader(t, s.Train, LoaderConfig{Seed: 11, Flip: true, Workers: c.workers, Ahead: c.ahead})
		var got []float32
		for k := range steps {
			x, labels := make([]float32, batch*3*16*16), make([]int32, batch)
			if err := l.Batch(uint64(k*batch), Batch{X: x, Labels: labels}); err != nil {
				t.Fatal(err)
			}
			l.Prefetch(uint64((k+1)*batch), batch)
			got = append(got, x...)
			for _, l := range labels {
				got = append(got, float32(l))
			}
		}
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v: other batches", c)
		}
		kept := 0
		for i := range s.Pictures().cache {
			if s.Pictures().cache[i].Load() != nil {
				kept++
			}
		}
		if c.cache < 0 && kept > 0 || c.cache > 0 && kept > 5 {
			t.Errorf("cache of %d bytes keeps %d pictures", c.cache, kept)
		}
	}
}

// TestBadPictures: a bad picture is an error that names it, and what to do; with SkipBad it is left out and counted.
func TestBadPictures(t *testing.T) {
	files := someFiles(t, 12)
	files["cats/bomb.png"] = bomb(50000, 50000)
	files["dogs/text.jpg"] = []byte("not a picture")
	files["dogs/cut.png"] = files["cats/aa.PNG"][:40]
	dir := folder(t, files)
	archive := filepath.Join(folder(t, map[string][]byte{"a.zip": zipBytes(t, files)}), "a.zip")
	for _, source := range []string{dir, archive} {
		s := openTest(t, Options{Source: source})
		l := mustLoader(t, s.Train, LoaderConfig{})
		n := s.Train.Len()
		err := l.Batch(0, Batch{X: make([]float32, n*3*16*16)})
		var bad *BadPictureError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), source) || !strings.Contains(err.Error(), "data.skip_bad = true") {
			t.Errorf("%s: error %v", source, err)
		}
		list, err := s.Pictures().Bad(context.Background(), 2)
		if err != nil || len(list) != 3 || !strings.HasSuffix(filepath.ToSlash(list[0].Path), "cats/bomb.png") {
			t.Errorf("%s: bad pictures %v", source, list)
		}
		s = openTest(t, Options{Source: source, SkipBad: true})
		if len(s.Skipped) != 3 || s.Train.Len()+s.HeldOut.Len() != 12 {
			t.Errorf("%s: %d skipped, %d left", source, len(s.Skipped), s.Train.Len()+s.HeldOut.Len())
		}
		for i := range s.Train.Len() {
			if _, err := s.Train.Sample(i, make([]float32, 3*16*16)); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestSkipBadKeepsTheRest: with bad pictures left out, every other one keeps its own class and its own pixels, cached ones too.
func TestSkipBadKeepsTheRest(t *testing.T) {
	files := map[string][]byte{"cats/00.png": nil, "cats/05.png": nil, "dogs/00.png": nil, "dogs/03.png": nil}
	for i := range 9 {
		shade := color.NRGBA{byte(10 * i), byte(10 * i), byte(10 * i), 255}
		files[fmt.Sprintf("cats/%02d.png", 10+i)] = pngBytes(t, plain(8, 8, shade))
		files[fmt.Sprintf("dogs/%02d.png", 10+i)] = pngBytes(t, plain(8, 8, shade))
	}
	s := openTest(t, Options{Source: folder(t, files), Channels: 1, Height: 8, Width: 8, SkipBad: true, CacheBytes: 1 << 20})
	p := s.Pictures()
	if len(s.Skipped) != 4 || len(p.files) != 18 {
		t.Fatalf("got %d skipped and %d left, expected 4 and 18", len(s.Skipped), len(p.files))
	}
	cached := 0
	for i := range p.files {
		if p.cache[i].Load() != nil {
			cached++
		}
		path := filepath.ToSlash(p.store.Label(int(p.files[i])))
		class, number := filepath.Base(filepath.Dir(path)), 0
		if _, err := fmt.Sscanf(filepath.Base(path), "%d.png", &number); err != nil {
			t.Fatal(err)
		}
		if got := p.classes[p.labels[i]]; got != class {
			t.Errorf("%s: got class %s", path, got)
		}
		pixels, err := p.pixels(i)
		if err != nil {
			t.Fatal(err)
		}
		if want := byte(10 * (number - 10)); pixels[0] != want {
			t.Errorf("%s: got shade %d, expected %d", path, pixels[0], want)
		}
	}
	if cached != 18 {
		t.Errorf("got %d pictures in the cache, expected all 18: they were decoded to find the bad ones", cached)
	}
}

// TestSkipBadEnds: looking for bad pictures ends with the context.
func TestSkipBadEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	o := Options{Source: folder(t, someFiles(t, 9)), Channels: 3, Height: 8, Width: 8, SkipBad: true, Context: ctx}
	if _, err := OpenSet(o); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
