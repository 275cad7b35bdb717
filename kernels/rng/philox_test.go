package rng

import (
	"hash/fnv"
	"math"
	"testing"
)

// TestPhiloxKnownAnswers holds the generator to Random123's kat_vectors.
func TestPhiloxKnownAnswers(t *testing.T) {
	const f = 0xffffffff
	pi := [4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}
	piKey := [2]uint32{0xa4093822, 0x299f31d0}
	for _, c := range []struct {
		rounds  int
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{10, [4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{10, [4]uint32{f, f, f, f}, [2]uint32{f, f}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{10, pi, piKey, [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
		{7, [4]uint32{}, [2]uint32{}, [4]uint32{0x5f6fb709, 0x0d893f64, 0x4f121f81, 0x4f730a48}},
		{7, [4]uint32{f, f, f, f}, [2]uint32{f, f}, [4]uint32{0x5207ddc2, 0x45165e59, 0x4d8ee751, 0x8c52f662}},
		{7, pi, piKey, [4]uint32{0x4dfccaba, 0x190a87f0, 0xc47362ba, 0xb6b5242a}},
		{10, [4]uint32{1}, [2]uint32{}, [4]uint32{0xf8e4cca4, 0x5cb200db, 0xb1a574eb, 0x097eff67}},
		{10, [4]uint32{}, Key(42), [4]uint32{0x9ceaf053, 0x77f5493b, 0x12bf50ad, 0x5742b3d7}},
	} {
		got := Philox4x32Rounds(c.counter, c.key, c.rounds)
		if got != c.want {
			t.Errorf("%d rounds of %x under %x: got %x, want %x", c.rounds, c.counter, c.key, got, c.want)
		}
		if c.rounds == Rounds && Philox4x32(c.counter, c.key) != c.want {
			t.Errorf("Philox4x32(%x, %x) differs from ten rounds", c.counter, c.key)
		}
	}
}

func TestKeyAndCounter(t *testing.T) {
	if got, want := Key(0x1122334455667788), [2]uint32{0x55667788, 0x11223344}; got != want {
		t.Errorf("Key: got %x, want %x", got, want)
	}
	if got, want := Counter(4*7+3, 1, 2, 3), [4]uint32{7, 1, 2, 3}; got != want {
		t.Errorf("Counter: got %v, want %v", got, want)
	}
}

func TestStreamID(t *testing.T) {
	if got := StreamID(""); got != 0x811c9dc5 {
		t.Errorf("StreamID of the empty path: got %#x", got)
	}
	for _, s := range []string{"eps", "t", "z", "dropout/mid_block.resnets.0", "flip"} {
		h := fnv.New32a()
		h.Write([]byte(s))
		if got, want := StreamID(s), h.Sum32(); got != want {
			t.Errorf("StreamID(%q): got %#x, want %#x", s, got, want)
		}
	}
}

func TestUniform(t *testing.T) {
	for w, want := range map[uint32]float32{0: 0x1p-24, 0xffffffff: 1 - 0x1p-24, 0x80000000: 0.5 + 0x1p-24} {
		if got := Uniform(w); got != want {
			t.Errorf("Uniform(%#x): got %v, want %v", w, got, want)
		}
	}
	dst := make([]float32, 1<<16+3)
	FillUniform(dst, 7, 0, 0, StreamID("test"))
	var sum, sq float64
	for i, v := range dst {
		if v <= 0 || v >= 1 {
			t.Fatalf("element %d: %v outside (0, 1)", i, v)
		}
		sum += float64(v)
		sq += float64(v) * float64(v)
	}
	n := float64(len(dst))
	within(t, "mean", sum/n, 0.5, 4*math.Sqrt(1./12/n))
	within(t, "second moment", sq/n, 1./3, 4*math.Sqrt(4./45/n))
	if dst[len(dst)-1] != Uniform4(Philox4x32(Counter(1<<16, 0, 0, StreamID("test")), Key(7)))[2] {
		t.Error("the last, partial group differs from Uniform4")
	}
}

func TestUniformInt(t *testing.T) {
	for _, c := range []struct {
		w    uint32
		n    int
		want int
	}{{0, 1000, 0}, {0xffffffff, 1000, 999}, {0x80000000, 1000, 500}, {0xffffffff, 1, 0}} {
		if got := UniformInt(c.w, c.n); got != c.want {
			t.Errorf("UniformInt(%#x, %d): got %d, want %d", c.w, c.n, got, c.want)
		}
	}
	var count [10]int
	for i := range uint32(25000) {
		for _, w := range Philox4x32([4]uint32{i}, Key(3)) {
			count[UniformInt(w, 10)]++
		}
	}
	for _, n := range count {
		within(t, "count", float64(n), 10000, 4*math.Sqrt(9000))
	}
}

func within(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s: got %.12g, want %.12g +- %.3g", what, got, want, tol)
	}
}
