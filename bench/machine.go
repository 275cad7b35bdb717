package bench

import (
	"bufio"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/unnoise/unnoise/kernels/blas"
	"github.com/unnoise/unnoise/kernels/cpu"
)

// device names the processor: its model as Linux gives it, else the architecture.
func device() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// loadAverage is the mean number of runnable processes in the last minute, -1 where the system does not say.
func loadAverage() float64 {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return -1
	}
	first, _, _ := strings.Cut(string(b), " ")
	load, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return -1
	}
	return load
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Times summarises milliseconds a step.
type Times struct {
	Median float64 `json:"ms_median"`
	P10    float64 `json:"ms_p10"`
	P90    float64 `json:"ms_p90"`
}

// summarise returns the quantiles of at least one time.
func summarise(ms []float64) Times {
	return Times{round(quantile(ms, 0.5)), round(quantile(ms, 0.1)), round(quantile(ms, 0.9))}
}

// quantile is the q-th quantile of at least one number; the median of an even count is the mean of the middle two.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if q == 0.5 && n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[int(q*float64(n-1)+0.5)]
}

// round keeps two decimals.
func round(x float64) float64 { return float64(int64(x*100+0.5)) / 100 }

// productSize is the side of the square matrices of matmulRate: a thread's three fit the second-level caches of today's servers.
const productSize = 384

// matmulRate is the best rate of float32 matrix products in 10^9 multiply-adds a second: every thread multiplies its own
// matrices with the product that the convolutions use, in ten rounds of at least 20 ms.
func matmulRate(threads int) float64 {
	const n = productSize
	type operands struct{ a, b, c []float32 }
	set := make([]operands, threads)
	for i := range set {
		o := operands{make([]float32, n*n), make([]float32, n*n), make([]float32, n*n)}
		for j := range o.a {
			o.a[j], o.b[j] = float32(j%7)-3, float32(j%5)-2
		}
		set[i] = o
	}
	queue := cpu.NewQueue(threads)
	products := func(repeat int) time.Duration {
		begin := time.Now()
		queue.Tasks(threads, func(i, _ int) {
			o := set[i]
			for range repeat {
				blas.Gemm(false, false, n, n, n, 1, o.a, n, o.b, n, 0, o.c, n)
			}
		})
		return time.Since(begin)
	}
	repeat := 1
	for products(repeat) < 20*time.Millisecond {
		repeat *= 2
	}
	best := 0.0
	for range 10 {
		best = max(best, float64(threads*repeat)*n*n*n/products(repeat).Seconds())
	}
	return round(best / 1e9)
}
