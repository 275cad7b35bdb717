package sampler_test

import (
	"fmt"

	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/sampler"
)

// Ten DDIM steps over the process of Ho et al.
func Example() {
	p, err := diffusion.NewProcess(diffusion.Schedule{Kind: diffusion.Linear, Timesteps: 1000})
	if err != nil {
		fmt.Println(err)
		return
	}
	ddim, err := sampler.Lookup("ddim")
	if err != nil {
		fmt.Println(err)
		return
	}
	o := ddim.Defaults
	o.Steps, o.TimestepSpacing, o.ClipSample = 10, sampler.Trailing, false
	table, err := ddim.Table(p, o)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range table.Steps[:3] {
		fmt.Printf("%v -> %v: x_prev = %.4f x_0 + %.4f x\n", s.T, s.TPrev, s.Next.X0, s.Next.X)
	}
	// Output:
	// 999 -> 899: x_prev = 0.0102 x_0 + 0.9999 x
	// 899 -> 799: x_prev = 0.0226 x_0 + 0.9994 x
	// 799 -> 699: x_prev = 0.0444 x_0 + 0.9973 x
}
