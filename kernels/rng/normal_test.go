package rng

import (
	"math"
	"testing"
)

// boxMuller64 is the float64 definition: u = (w+1/2) 2^-32.
func boxMuller64(w0, w1 uint32) (float64, float64) {
	l := math.Log((float64(w0) + 0.5) * 0x1p-32)
	if w0 >= 1<<31 {
		l = math.Log1p(-(float64(^w0) + 0.5) * 0x1p-32)
	}
	r := math.Sqrt(-2 * l)
	sin, cos := math.Sincos(2 * math.Pi * (float64(w1) + 0.5) * 0x1p-32)
	return r * cos, r * sin
}

func TestNormalKnownAnswer(t *testing.T) {
	got := Normal4([4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8})
	for i, want := range []float64{.9911376799, -.9246625877, -.6176089595, -.4820685875} {
		within(t, "normal", float64(got[i]), want, 2.5e-7)
	}
}

// TestNormalGolden freezes the bits: every backend must give exactly these.
func TestNormalGolden(t *testing.T) {
	for _, c := range []struct{ w, want [4]uint32 }{
		{[4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, golden[0]},
		{[4]uint32{0, 0, 0xffffffff, 0xffffffff}, golden[1]},
		{[4]uint32{0x80000000, 0x20000000, 0x7fffffff, 0x1fffffff}, golden[2]},
		{[4]uint32{0xb504f333, 0x60000000, 0xb504f334, 0xdfffffff}, golden[3]},
		{[4]uint32{1, 0x40000000, 0xfffffffe, 0xbfffffff}, golden[4]},
	} {
		var got [4]uint32
		for i, v := range Normal4(c.w) {
			got[i] = math.Float32bits(v)
		}
		if got != c.want {
			t.Errorf("Normal4(%#x): got %#x, want %#x", c.w, got, c.want)
		}
	}
	// FNV-1a over the bits of 2^16 draws.
	dst := make([]float32, 1<<16)
	FillNormal(dst, 0x0123456789abcdef, 5, 6, StreamID("eps"))
	h := uint64(14695981039346656037)
	for _, v := range dst {
		h = (h ^ uint64(math.Float32bits(v))) * 1099511628211
	}
	if h != goldenHash {
		t.Errorf("hash of 2^16 normals: got %#x, want %#x", h, uint64(goldenHash))
	}
}

func TestNormalAccuracy(t *testing.T) {
	worst := 0.0
	check := func(w0, w1 uint32) {
		a, b := BoxMuller(w0, w1)
		x, y := boxMuller64(w0, w1)
		e := max(math.Abs(float64(a)-x), math.Abs(float64(b)-y))
		if e > 1e-6 {
			t.Fatalf("words %#x %#x: got (%v, %v), want (%v, %v), error %.3g", w0, w1, a, b, x, y, e)
		}
		worst = max(worst, e)
	}
	for i := range uint32(1 << 18) {
		w := Philox4x32([4]uint32{i}, Key(1))
		check(w[0], w[1])
		check(w[2]>>(i%32), w[3])        // small u: the largest normals
		check(^(w[0] >> (i % 32)), w[2]) // u near 1: the smallest radii
		check(i&15, w[1])
		check(w[1], w[0]>>3<<3|i&7)
	}
	t.Logf("largest error %.3g", worst)
	for i := range uint32(1 << 16) { // radii near zero keep their relative accuracy
		w := ^i
		got := math.Sqrt(float64(MinusTwoLog(w)))
		want := math.Sqrt(-2 * math.Log1p(-(float64(i)+0.5)*0x1p-32))
		if math.Abs(got/want-1) > 1e-6 {
			t.Fatalf("radius of word %#x: got %v, want %v", w, got, want)
		}
	}
}

func TestNormalMoments(t *testing.T) {
	const samples, elements = 64, 4096
	var m [5]float64
	var cross float64
	dst := make([]float32, elements)
	inside := 0.0
	for s := range uint32(samples) {
		FillNormal(dst, 99, s, 0, StreamID("moments"))
		for i, v := range dst {
			x := float64(v)
			p := 1.0
			for k := 1; k < 5; k++ {
				p *= x
				m[k] += p
			}
			if i > 0 {
				cross += x * float64(dst[i-1])
			}
			if math.Abs(x) < 1 {
				inside++
			}
		}
	}
	n := float64(samples * elements)
	within(t, "mean", m[1]/n, 0, 4/math.Sqrt(n))
	within(t, "variance", m[2]/n, 1, 4*math.Sqrt(2/n))
	within(t, "third moment", m[3]/n, 0, 4*math.Sqrt(15/n))
	within(t, "fourth moment", m[4]/n, 3, 4*math.Sqrt(96/n))
	within(t, "correlation of neighbours", cross/n, 0, 4/math.Sqrt(n))
	within(t, "mass within one sigma", inside/n, 0.682689492137, 4*math.Sqrt(.2166/n))
}

func TestFillNormalElements(t *testing.T) {
	for n := range 10 {
		dst := make([]float32, n)
		FillNormal(dst, 11, 2, 3, 4)
		for e, got := range dst {
			if want := Normal4(Philox4x32(Counter(uint64(e), 2, 3, 4), Key(11)))[e%4]; got != want {
				t.Errorf("n %d element %d: got %v, want %v", n, e, got, want)
			}
		}
	}
}

func BenchmarkFillNormal(b *testing.B) {
	dst := make([]float32, 1<<14)
	b.SetBytes(int64(len(dst)) * 4)
	for i := range b.N {
		FillNormal(dst, 1, 0, uint32(i), 0)
	}
}

const goldenHash = 0x7b05747d6831955e

var golden = [5][4]uint32{
	{0x3f7dbb31, 0xbf6cb6b0, 0xbf1e1b9e, 0xbef6d1b1},
	{0x40d87047, 0x31a9fd8f, 0x37800000, 0xa8490fda},
	{0x3f55224c, 0x3f55224d, 0x3f55224d, 0x3f55224c},
	{0xbf16b560, 0x3f16b55f, 0x3f16b55f, 0xbf16b560},
	{0xb1a5dba4, 0x40d32d4c, 0xa8ae1fee, 0xb7ddb3d7},
}
