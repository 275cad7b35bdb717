package data

import (
	"fmt"
	"image"
	"testing"

	"github.com/unnoise/unnoise/kernels/rng"
)

// photo is a picture with detail at every scale, so that its files are as large as a photograph's.
func photo(w, h, seed int) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		x, y := i%w, i/w
		r := rng.Philox4x32(rng.Counter(0, uint32(i), uint32(seed), 1), rng.Key(9))
		for c := range 3 {
			img.Pix[4*i+c] = byte(x*(c+1)*255/w/3 + y*y*100/h/h + int(r[c]%40) + (x/16+y/16)%2*20)
		}
		img.Pix[4*i+3] = 255
	}
	return img
}

// BenchmarkPictures loads batches of 64 samples of 32x32 from encoded pictures, nothing cached: one operation is one sample.
func BenchmarkPictures(b *testing.B) {
	for _, size := range [][2]int{{96, 80}, {640, 480}} {
		for _, format := range []string{"jpeg", "png"} {
			b.Run(fmt.Sprintf("%s-%dx%d", format, size[0], size[1]), func(b *testing.B) {
				files := map[string][]byte{}
				for i := range 16 {
					if format == "png" {
						files[fmt.Sprintf("%d.png", i)] = pngBytes(b, photo(size[0], size[1], i))
					} else {
						files[fmt.Sprintf("%d.jpg", i)] = jpegBytes(b, photo(size[0], size[1], i))
					}
				}
				s, err := OpenSet(Options{Source: folder(b, files), Channels: 3, Height: 32, Width: 32, CacheBytes: -1})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				l, err := NewLoader(s.Train, LoaderConfig{Flip: true})
				if err != nil {
					b.Fatal(err)
				}
				x := make([]float32, 64*SampleSize(s.Train))
				b.ResetTimer()
				for n := 0; n < b.N; n += 64 {
					if err := l.Batch(uint64(n), Batch{X: x}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64((b.N+63)/64*64)/b.Elapsed().Seconds(), "samples/s")
			})
		}
	}
}
