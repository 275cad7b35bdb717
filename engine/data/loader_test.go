package data

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// counting is a set whose sample i is filled with i, label i % 7.
func counting(t *testing.T, n, c, h, w int) *Array {
	t.Helper()
	values := make([]float32, n*c*h*w)
	labels := make([]int32, n)
	for i := range values {
		values[i] = float32(i / (c * h * w))
	}
	for i := range labels {
		labels[i] = int32(i % 7)
	}
	a, err := NewArray(values, c, h, w, labels, 7)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func mustLoader(t *testing.T, ds Dataset, cfg LoaderConfig) *Loader {
	t.Helper()
	l, err := NewLoader(ds, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestPermutation(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 16, 17, 100, 1000, 4097, 60000} {
		for round := range uint32(3) {
			p := newPermutation(n, 9, round, streamShuffle)
			seen := make([]bool, n)
			for i := range n {
				v := p.at(i)
				if v < 0 || v >= n || seen[v] {
					t.Fatalf("n %d round %d: %d -> %d is out of range or taken", n, round, i, v)
				}
				seen[v] = true
			}
		}
	}
	// Over many rounds, every place is equally likely (n = 6: all 720 orders too).
	const rounds = 36000
	var place [6][6]float64
	orders := map[[6]int]int{}
	for r := range uint32(rounds) {
		p := newPermutation(6, 1, r, streamShuffle)
		var o [6]int
		for i := range 6 {
			o[i] = p.at(i)
			place[i][o[i]]++
		}
		orders[o]++
	}
	for i := range place {
		for j, c := range place[i] {
			if math.Abs(c-rounds/6) > 4.5*math.Sqrt(rounds*5./36) {
				t.Errorf("element %d lands on %d %v times of %d", i, j, c, rounds)
			}
		}
	}
	if len(orders) != 720 {
		t.Errorf("%d of 720 orders of 6 seen", len(orders))
	}
}

func TestLoaderEpochs(t *testing.T) {
	const n = 101
	l := mustLoader(t, counting(t, n, 1, 1, 1), LoaderConfig{Seed: 3})
	var epochs [2][]float32
	for e := range epochs {
		dst := make([]float32, n)
		labels := make([]int32, n)
		if err := l.Batch(uint64(e*n), Batch{X: dst, Labels: labels}); err != nil {
			t.Fatal(err)
		}
		for i, v := range dst {
			if labels[i] != int32(v)%7 {
				t.Errorf("label %d beside sample %v", labels[i], v)
			}
		}
		epochs[e] = slices.Clone(dst)
		slices.Sort(dst)
		for i, v := range dst {
			if v != float32(i) {
				t.Fatalf("epoch %d: sample %d is missing or doubled", e, i)
			}
		}
	}
	if slices.Equal(epochs[0], epochs[1]) {
		t.Error("two epochs have the same order")
	}
	o := mustLoader(t, counting(t, 5, 1, 1, 1), LoaderConfig{Ordered: true})
	dst := make([]float32, 7)
	if err := o.Batch(3, Batch{X: dst}); err != nil || !slices.Equal(dst, []float32{3, 4, 0, 1, 2, 3, 4}) {
		t.Errorf("ordered: %v, %v", dst, err)
	}
}

// TestLoaderIsAFunctionOfPosition: splits, threads and prefetching change nothing.
func TestLoaderIsAFunctionOfPosition(t *testing.T) {
	const n, batch = 257, 96
	values := make([]float32, n*3*16*17)
	for i := range values {
		values[i] = float32(i)
	}
	ds, err := NewArray(values, 3, 16, 17, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	cfg := LoaderConfig{Seed: 5, Flip: true}
	l := mustLoader(t, ds, cfg)
	size := SampleSize(ds)
	whole := make([]float32, batch*size)
	if batch*size < parallelElements {
		t.Fatal("the batch is too small to be made in parallel")
	}
	const position = 200 // crosses into the second epoch
	if err := l.Batch(position, Batch{X: whole}); err != nil {
		t.Fatal(err)
	}
	one := make([]float32, size)
	flips := 0
	for i := range batch {
		if err := l.Batch(position+uint64(i), Batch{X: one}); err != nil || !slices.Equal(one, whole[i*size:(i+1)*size]) {
			t.Fatalf("sample %d differs alone and in the batch (%v)", i, err)
		}
		sample, flip := l.Index(position + uint64(i))
		want := make([]float32, size)
		for y := range 16 {
			for x := range 17 {
				for c := range 3 {
					from := x
					if flip {
						from = 16 - x
					}
					want[(y*17+x)*3+c] = values[sample*size+(y*17+from)*3+c]
				}
			}
		}
		if !slices.Equal(one, want) {
			t.Fatalf("sample %d (flip %v) has other values", i, flip)
		}
		if flip {
			flips++
		}
	}
	if flips < 28 || flips > 68 {
		t.Errorf("%d of %d samples mirrored", flips, batch)
	}
	fetched := make([]float32, batch*size)
	l.Prefetch(1, 2)
	l.Prefetch(position, batch)
	l.Prefetch(position, batch)
	if err := l.Batch(position, Batch{X: fetched}); err != nil || !slices.Equal(fetched, whole) {
		t.Errorf("a prefetched batch differs (%v)", err)
	}
	l.Prefetch(position+1, batch)
	if err := l.Batch(position, Batch{X: fetched}); err != nil || !slices.Equal(fetched, whole) {
		t.Errorf("a batch beside a prefetched one differs (%v)", err)
	}
	padded := Batch{X: make([]float32, batch*16*17*8), Pitch: 8}
	for _, prefetch := range []bool{false, true} {
		for i := range padded.X {
			padded.X[i] = -1
		}
		if prefetch {
			l.Prefetch(position, batch)
		}
		if err := l.Batch(position, padded); err != nil {
			t.Fatal(err)
		}
		for i, x := range padded.X {
			want := float32(-1)
			if i%8 < 3 {
				want = whole[i/8*3+i%8]
			}
			if x != want {
				t.Fatalf("prefetched %v: element %d of a batch with padded pixels is %v, expected %v", prefetch, i, x, want)
			}
		}
	}
	other := mustLoader(t, ds, LoaderConfig{Seed: 6, Flip: true})
	if err := other.Batch(position, Batch{X: fetched}); err != nil || slices.Equal(fetched, whole) {
		t.Errorf("another seed gives the same batch (%v)", err)
	}
}

type broken struct{ *Array }

func (b broken) Sample(int, []float32) (int32, error) { return 0, errors.New("disk on fire") }

func TestLoaderErrors(t *testing.T) {
	a := counting(t, 4, 1, 2, 2)
	l := mustLoader(t, a, LoaderConfig{})
	if err := l.Batch(0, Batch{X: make([]float32, 7)}); err == nil {
		t.Error("7 elements for two samples of 4 were accepted")
	}
	if err := l.Batch(0, Batch{X: make([]float32, 8), Labels: make([]int32, 1)}); err == nil {
		t.Error("one label for two samples was accepted")
	}
	if err := l.Batch(0, Batch{}); err == nil {
		t.Error("an empty batch was accepted")
	}
	l = mustLoader(t, broken{a}, LoaderConfig{})
	if err := l.Batch(0, Batch{X: make([]float32, 8)}); err == nil || !strings.Contains(err.Error(), "disk on fire") {
		t.Errorf("a failing sample: %v", err)
	}
	l.Prefetch(0, 2)
	if err := l.Batch(0, Batch{X: make([]float32, 8)}); err == nil {
		t.Error("a failing prefetched sample went unnoticed")
	}
}

func TestSplit(t *testing.T) {
	a := counting(t, 50, 1, 1, 1)
	train, held, err := Split(a, 12, 4)
	if err != nil {
		t.Fatal(err)
	}
	if train.Len() != 38 || held.Len() != 12 || held.Classes() != 7 {
		t.Errorf("%d + %d samples", train.Len(), held.Len())
	}
	seen := map[float32]bool{}
	dst := make([]float32, 1)
	for _, ds := range []Dataset{train, held} {
		for i := range ds.Len() {
			label, err := ds.Sample(i, dst)
			if err != nil || seen[dst[0]] || label != int32(dst[0])%7 {
				t.Fatalf("sample %d: %v, label %d, %v", i, dst[0], label, err)
			}
			seen[dst[0]] = true
		}
		if _, err := ds.Sample(ds.Len(), dst); err == nil {
			t.Error("a sample past the end was read")
		}
	}
	for _, held := range []int{0, 50, -1} {
		if _, _, err := Split(a, held, 4); err == nil {
			t.Errorf("holding out %d of 50 was accepted", held)
		}
	}
}

func TestNewArrayErrors(t *testing.T) {
	for want, f := range map[string]func() (*Array, error){
		"5 values are not":    func() (*Array, error) { return NewArray(make([]float32, 5), 2, 1, 1, nil, 0) },
		"0 values are not":    func() (*Array, error) { return NewArray(nil, 2, 1, 1, nil, 0) },
		"shape 0x1x1":         func() (*Array, error) { return NewArray(nil, 0, 1, 1, nil, 0) },
		"both or neither":     func() (*Array, error) { return NewArray(make([]float32, 4), 2, 1, 1, nil, 3) },
		"1 labels for 2":      func() (*Array, error) { return NewArray(make([]float32, 4), 2, 1, 1, []int32{0}, 3) },
		"label 3 of sample 1": func() (*Array, error) { return NewArray(make([]float32, 4), 2, 1, 1, []int32{0, 3}, 3) },
	} {
		if _, err := f(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q", err, want)
		}
	}
}
