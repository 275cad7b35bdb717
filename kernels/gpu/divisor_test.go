package gpu

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"
)

// quotient is quotient of kernels/include/divide.cuh.
func quotient(n uint32, d Divisor) uint32 {
	hi, _ := bits.Mul32(n<<1, d.Multiplier)
	return hi >> d.Shift
}

func TestDivisor(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	divisors := []int{math.MaxInt32, math.MaxInt32 - 1}
	for i := range 31 {
		divisors = append(divisors, 1<<i, 1<<i+1, max(1<<i-1, 1), 1+r.IntN(math.MaxInt32), 1+r.IntN(5000))
	}
	for _, d := range divisors {
		div := NewDivisor(d)
		check := func(n int) {
			if n < 0 || n > math.MaxInt32 {
				return
			}
			if got := quotient(uint32(n), div); int(got) != n/d {
				t.Fatalf("%d / %d gives %d, want %d", n, d, got, n/d)
			}
		}
		for range 200 {
			n := r.IntN(math.MaxInt32)
			check(n)
			check(n / d * d)
			check(n/d*d - 1)
		}
		check(0)
		check(math.MaxInt32)
	}
}

func TestLoop(t *testing.T) {
	for _, n := range []int{1, 255, 256, 257, 1 << 18, 1 << 19, 1<<20 + 1, 1 << 26} {
		grid, repeat := Loop(n, 256, 4)
		if per := 256 * int(repeat); grid.X*per < n || (grid.X-1)*per >= n || repeat < 1 || repeat > 4 {
			t.Errorf("%d items: %d blocks of %d threads, %d items each", n, grid.X, 256, repeat)
		}
	}
}
