package diffusion

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// SectionTimesteps returns the increasing timesteps of a respaced chain over T timesteps (Nichol & Dhariwal 2021; OpenAI's
// space_timesteps). sections is a list of counts such as "10,15,20", for as many sections of T of equal length, each of
// which is visited that often, evenly and at both ends; or "ddimN", N timesteps 0, s, 2s, .. at a whole stride s.
func SectionTimesteps(T int, sections string) ([]int, error) {
	if count, ok := strings.CutPrefix(sections, "ddim"); ok {
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 || n > T {
			return nil, fmt.Errorf("diffusion: respacing %q: expected ddimN with N from 1 to %d", sections, T)
		}
		for stride := 1; stride < T; stride++ {
			if (T+stride-1)/stride == n {
				return strided(T, stride), nil
			}
		}
		return nil, fmt.Errorf("diffusion: respacing %q: no whole stride visits %d of %d timesteps; give the count as %q", sections, n, T, count)
	}
	parts := strings.Split(sections, ",")
	var out []int
	start := 0
	for i, part := range parts {
		count, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || count < 1 {
			return nil, fmt.Errorf("diffusion: respacing %q: expected positive counts such as 10,15,20, or ddimN", sections)
		}
		size := T / len(parts)
		if i < T%len(parts) {
			size++
		}
		if count > size {
			return nil, fmt.Errorf("diffusion: respacing %q: section %d has %d timesteps, fewer than the %d asked for", sections, i+1, size, count)
		}
		stride := 1.0
		if count > 1 {
			stride = float64(size-1) / float64(count-1)
		}
		at := 0.0 // accumulated, as OpenAI's code does: rounding ties follow the sum
		for range count {
			out = append(out, start+int(math.RoundToEven(at)))
			at += stride
		}
		start += size
	}
	return out, nil
}

func strided(T, stride int) []int {
	var out []int
	for t := 0; t < T; t += stride {
		out = append(out, t)
	}
	return out
}

// Respace returns the process that visits only the given increasing timesteps: beta' = 1 - abar_t / abar_prev
// (Nichol & Dhariwal 2021, section 4). The network keeps the original timesteps.
func (p *Process) Respace(timesteps []int) (*Process, error) {
	if len(timesteps) == 0 || !slices.IsSorted(timesteps) {
		return nil, fmt.Errorf("diffusion: respacing: expected increasing timesteps, got %v", timesteps)
	}
	betas, prev, last := make([]float64, len(timesteps)), 1.0, -1
	for i, t := range timesteps {
		if t == last || t < 0 || t >= p.Timesteps() {
			return nil, fmt.Errorf("diffusion: respacing: timestep %d is repeated or outside 0..%d", t, p.Timesteps()-1)
		}
		betas[i] = 1 - p.AlphasCumprod[t]/prev
		if t == last+1 { // neighbours: the table has more digits than the quotient
			betas[i] = p.Betas[t]
		}
		prev, last = p.AlphasCumprod[t], t
	}
	return ProcessFromBetas(betas)
}
