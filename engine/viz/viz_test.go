package viz

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestGridPixels(t *testing.T) {
	m := Images{N: 3, C: 1, H: 1, W: 2, Data: []float32{-1, 1, 0, 0.5, -7, 7}}
	img, err := Grid(m, GridOptions{Columns: 2, Scale: 2, Gap: 1})
	if err != nil {
		t.Fatal(err)
	}
	grey, ok := img.(*image.Gray)
	if !ok || grey.Bounds() != image.Rect(0, 0, 11, 7) {
		t.Fatalf("got %T of %v", img, img.Bounds())
	}
	const w = 255
	want := []uint8{
		w, w, w, w, w, w, w, w, w, w, w,
		w, 0, 0, w, w, w, 128, 128, 191, 191, w,
		w, 0, 0, w, w, w, 128, 128, 191, 191, w,
		w, w, w, w, w, w, w, w, w, w, w,
		w, 0, 0, w, w, w, w, w, w, w, w,
		w, 0, 0, w, w, w, w, w, w, w, w,
		w, w, w, w, w, w, w, w, w, w, w,
	}
	if !slices.Equal(grey.Pix, want) {
		t.Errorf("pixels\n%v\nwant\n%v", grey.Pix, want)
	}
}

func TestGridColour(t *testing.T) {
	m := Images{N: 1, C: 3, H: 1, W: 2, Data: []float32{1, -1, 0, 0, -1, 1}}
	img, err := Grid(m, GridOptions{Scale: 1, Gap: -1})
	if err != nil {
		t.Fatal(err)
	}
	if img.Bounds() != image.Rect(0, 0, 2, 1) || img.At(0, 0) != (color.RGBA{255, 128, 0, 255}) || img.At(1, 0) != (color.RGBA{0, 128, 255, 255}) {
		t.Errorf("got %v %v %v", img.Bounds(), img.At(0, 0), img.At(1, 0))
	}
	tiny, err := Grid(Images{N: 16, C: 1, H: 28, W: 28, Data: make([]float32, 16*784)}, GridOptions{})
	if err != nil || tiny.Bounds().Dx() != 4*56+5*2 {
		t.Errorf("the automatic scale gives %v, %v", tiny.Bounds(), err)
	}
}

func TestGridRefuses(t *testing.T) {
	for want, m := range map[string]Images{
		"1 or 3 channels":                   {N: 1, C: 2, H: 1, W: 1, Data: make([]float32, 2)},
		"have 3 values, want 4":             {N: 1, C: 1, H: 2, W: 2, Data: make([]float32, 3)},
		"image 1 has the value NaN at chan": {N: 2, C: 1, H: 1, W: 1, Data: []float32{0, float32(math.NaN())}},
	} {
		if _, err := Grid(m, GridOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// spiral returns points on a spiral, the first ones nearest to the origin.
func spiral(n int) []float32 {
	xy := make([]float32, 0, 2*n)
	for i := range n {
		u := 1 + 9*float64(i)/float64(n)
		xy = append(xy, float32(0.2*u*math.Cos(u)), float32(0.2*u*math.Sin(u)))
	}
	return xy
}

func noise(n int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 0))
	xy := make([]float32, 2*n)
	for i := range xy {
		xy[i] = float32(r.NormFloat64())
	}
	return xy
}

func TestRadiusHueFollowsTheSpiral(t *testing.T) {
	hue := RadiusHue(spiral(101))
	for i, h := range hue {
		if h != float64(i)/100 {
			t.Fatalf("point %d has hue %g", i, h)
		}
	}
}

func TestExtent(t *testing.T) {
	if e := Extent(noise(20_000, 1)); e < 2.55 || e > 2.8 {
		t.Errorf("a unit Gaussian is shown to %g, want about 1.1 * 2.43", e)
	}
	for _, e := range []float64{Extent(), Extent([]float32{0, 0})} {
		if e != 1 {
			t.Errorf("without extent: %g", e)
		}
	}
}

func process() Process2D {
	grid := ArrowGrid(2, 9)
	drift := make([]float32, len(grid))
	for i, v := range grid {
		drift[i] = -v / 4
	}
	var p Process2D
	for i, label := range []string{"t = 0", "t = 20", "t = 40"} {
		p.Forward = append(p.Forward, Snapshot{label, noise(400, uint64(i))})
		p.Reverse = append(p.Reverse, Snapshot{label, noise(300, uint64(i))})
		p.Drift = append(p.Drift, Field{label, grid, drift})
	}
	p.Forward[0].XY, p.Reverse[0].XY = spiral(400), spiral(300)
	return p
}

func TestFigure(t *testing.T) {
	img, err := Figure(process())
	if err != nil {
		t.Fatal(err)
	}
	if img.Bounds() != image.Rect(0, 0, 968, 1040) {
		t.Errorf("bounds %v", img.Bounds())
	}
	again, err := Figure(process())
	if err != nil || !bytes.Equal(img.(*image.RGBA).Pix, again.(*image.RGBA).Pix) {
		t.Errorf("two drawings differ, %v", err)
	}
	for row := range 3 {
		for column := range 3 {
			x, y := 20+column*314, 40+row*340
			box := image.Rect(x+2, y+30, x+298, y+298)
			if n := inked(img, box); n < 500 {
				t.Errorf("panel %d,%d shows only %d pixels", row, column, n)
			}
		}
	}
}

// inked counts the pixels that are not white.
func inked(img image.Image, box image.Rectangle) int {
	n := 0
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			if r, g, b, _ := img.At(x, y).RGBA(); r+g+b < 3*0xffff {
				n++
			}
		}
	}
	return n
}

func TestFigureRefuses(t *testing.T) {
	for want, spoil := range map[string]func(p *Process2D){
		"want the same number":           func(p *Process2D) { p.Drift = p.Drift[:2] },
		"t = 20 has 798 values, want 40": func(p *Process2D) { p.Forward[1].XY = p.Forward[1].XY[2:] },
		"point 3 has the coordinate NaN": func(p *Process2D) { p.Reverse[2].XY[7] = float32(math.NaN()) },
		"point 0 has the coordinate NaN": func(p *Process2D) { p.Drift[1].XY = append([]float32{float32(math.NaN())}, p.Drift[1].XY[1:]...) },
		"t = 40 has 0 values":            func(p *Process2D) { p.Drift[2].UV = nil },
	} {
		p := process()
		spoil(&p)
		if _, err := Figure(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestFieldPointsAlongTheVectors(t *testing.T) {
	c := newCanvas(100, 100)
	p := panel{c, c.img.Bounds(), 1}
	if err := p.field(Field{XY: []float32{0, 0}, UV: []float32{0, 3}}, nil); err != nil {
		t.Fatal(err)
	}
	// An arrow upwards has its head, the widest part, above its middle.
	if above, below := inked(c.img, image.Rect(40, 8, 49, 30)), inked(c.img, image.Rect(40, 70, 49, 95)); above <= below {
		t.Errorf("%d pixels above, %d below", above, below)
	}
}

func TestAnimatePoints(t *testing.T) {
	frames := []Snapshot{{"t = 2", noise(300, 1)}, {"t = 1", noise(300, 2)}, {"t = 0", spiral(300)}}
	g, err := AnimatePoints(frames, AnimationOptions{Size: 200})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.gif")
	if err := WriteGIF(path, g); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	back, err := gif.DecodeAll(f)
	if err != nil {
		t.Fatal(err)
	}
	if len(back.Image) != 3 || back.LoopCount != 0 || !slices.Equal(back.Delay, []int{8, 8, 200}) || back.Config.Width != 200 {
		t.Errorf("read back: %d frames, delays %v", len(back.Image), back.Delay)
	}
	if back.Image[0].At(150, 3) != paper {
		t.Errorf("the ground is %v, want white", back.Image[0].At(150, 3))
	}
	frames[1].XY = frames[1].XY[2:]
	if _, err := AnimatePoints(frames, AnimationOptions{}); err == nil || !strings.Contains(err.Error(), "t = 1 has 598 values") {
		t.Errorf("different sizes: %v", err)
	}
	if _, err := AnimatePoints(nil, AnimationOptions{}); err == nil {
		t.Error("no frames are not refused")
	}
}

func TestAnimateImages(t *testing.T) {
	for _, channels := range []int{1, 3} {
		ramp := Images{N: 4, C: channels, H: 8, W: 8, Data: make([]float32, 4*channels*64)}
		for i := range ramp.Data {
			ramp.Data[i] = float32(i%64)/31.5 - 1
		}
		g, err := AnimateImages([]Images{ramp, ramp}, AnimationOptions{Hold: 50})
		if err != nil {
			t.Fatal(err)
		}
		still, err := Grid(ramp, GridOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if d := worst(still, g.Image[1]); d > 4 {
			t.Errorf("%d channels: a frame is %d levels off the grid", channels, d)
		}
		other := ramp
		other.N, other.Data = 3, other.Data[:3*channels*64]
		if _, err := AnimateImages([]Images{ramp, other}, AnimationOptions{}); err == nil || !strings.Contains(err.Error(), "frame 1 has shape [3") {
			t.Errorf("different shapes: %v", err)
		}
	}
}

// worst returns the largest difference between two pictures in 8-bit levels.
func worst(a, b image.Image) int {
	d := 0
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			r1, g1, b1, _ := a.At(x, y).RGBA()
			r2, g2, b2, _ := b.At(x, y).RGBA()
			for _, pair := range [][2]uint32{{r1, r2}, {g1, g2}, {b1, b2}} {
				d = max(d, int(math.Abs(float64(pair[0])-float64(pair[1])))>>8)
			}
		}
	}
	return d
}

func TestQuantizerKeepsFewColours(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 16, 16))
	colours := []color.RGBA{{255, 255, 255, 255}, {0, 0, 0, 255}, {200, 10, 20, 255}, {10, 200, 20, 255}}
	for i := range 256 {
		img.SetRGBA(i%16, i/16, colours[i%7%4])
	}
	q := newQuantizer([]*image.RGBA{img}, 8)
	if len(q.palette) != 4 || worst(img, q.paletted(img)) != 0 {
		t.Errorf("palette %v", q.palette)
	}
}

func TestFrames(t *testing.T) {
	for _, c := range []struct {
		total, want int
		picked      []int
	}{{5, 3, []int{0, 2, 4}}, {3, 9, []int{0, 1, 2}}, {9, 1, []int{8}}, {0, 5, []int{}}, {1001, 5, []int{0, 250, 500, 750, 1000}}} {
		if got := Frames(c.total, c.want); !slices.Equal(got, c.picked) {
			t.Errorf("Frames(%d, %d) = %v", c.total, c.want, got)
		}
	}
}

func TestLossCurve(t *testing.T) {
	l := Loss{Title: "run", HeldOutSteps: []int{0, 50}, HeldOutValues: []float64{1, 0.5}}
	for i := range 100 {
		l.Steps = append(l.Steps, i)
		l.Values = append(l.Values, math.Exp(-float64(i)/30))
	}
	l.Values[7] = math.NaN()
	var sizes []int
	for _, log := range []bool{false, true} {
		l.Log = log
		img, err := LossCurve(l)
		if err != nil {
			t.Fatal(err)
		}
		if img.Bounds() != image.Rect(0, 0, 1280, 800) {
			t.Errorf("bounds %v", img.Bounds())
		}
		path := filepath.Join(t.TempDir(), "loss.png")
		if err := WritePNG(path, img); err != nil {
			t.Fatal(err)
		}
		data, _ := os.ReadFile(path)
		if _, err := png.Decode(bytes.NewReader(data)); err != nil {
			t.Error(err)
		}
		sizes = append(sizes, inked(img, img.Bounds()))
	}
	if sizes[0] == sizes[1] {
		t.Error("the logarithmic axis changes nothing")
	}
	for want, l := range map[string]Loss{
		"no finite value":                        {Steps: []int{1}, Values: []float64{math.Inf(1)}},
		"training loss has 1 steps and 0 values": {Steps: []int{1}},
	} {
		if _, err := LossCurve(l); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	for _, l := range []Loss{{Steps: []int{3}, Values: []float64{2}}, {Steps: []int{3}, Values: []float64{2}, Log: true}, {HeldOutSteps: []int{1, 2}, HeldOutValues: []float64{0, 0}}} {
		if _, err := LossCurve(l); err != nil {
			t.Errorf("a short record: %v", err)
		}
	}
}

func TestSmoothedStartsUnbiased(t *testing.T) {
	xy, err := curve("loss", []int{0, 1, 2}, []float64{4, 4, 4}, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range smoothed(xy, 0.9) {
		if math.Abs(p.Y-4) > 1e-12 {
			t.Errorf("a constant record is smoothed to %g", p.Y)
		}
	}
}

func TestWriteLeavesNothingBehindOnFailure(t *testing.T) {
	dir := t.TempDir()
	if err := WritePNG(filepath.Join(dir, "a.png"), image.NewGray(image.Rect(0, 0, 0, 0))); err == nil {
		t.Error("an empty picture is not refused")
	}
	if items, _ := os.ReadDir(dir); len(items) != 0 {
		t.Errorf("left behind: %v", items)
	}
}

// TestWholeExtent: the end of a roll is not cut off, one far point does not shrink the rest.
func TestWholeExtent(t *testing.T) {
	roll := noise(2000, 1)
	roll[0] = 3.7
	if e := wholeExtent(roll); e < 3.7 || e > 4 {
		t.Errorf("extent with a point at 3.7: %g", e)
	}
	roll[0] = 100
	if e := wholeExtent(roll); e > 3 {
		t.Errorf("extent with a point at 100: %g", e)
	}
}
