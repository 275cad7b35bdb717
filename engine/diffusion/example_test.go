package diffusion_test

import (
	"fmt"

	"github.com/unnoise/unnoise/engine/diffusion"
)

// The tables of Ho et al.'s process, and ten DDIM steps over it.
func Example() {
	p, err := diffusion.NewProcess(diffusion.Schedule{Kind: diffusion.Linear, Timesteps: 1000})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("abar at 0 and 999: %.4f %.4g\n", p.AlphasCumprod[0], p.AlphasCumprod[999])

	plan, err := diffusion.NewDDIMPlan(p, diffusion.Epsilon, 10, 0, diffusion.Trailing, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range plan.Steps[:3] {
		fmt.Printf("%d -> %d: x_prev = %.4f x_0 + %.4f x\n", s.T, s.TPrev, s.C0, s.CX)
	}
	// Output:
	// abar at 0 and 999: 0.9999 4.036e-05
	// 999 -> 899: x_prev = 0.0102 x_0 + 0.9999 x
	// 899 -> 799: x_prev = 0.0226 x_0 + 0.9994 x
	// 799 -> 699: x_prev = 0.0444 x_0 + 0.9973 x
}

// Min-SNR weighting for a network that predicts v.
func ExampleProcess_Weights() {
	p, err := diffusion.NewProcess(diffusion.Schedule{Kind: diffusion.Cosine, Timesteps: 1000})
	if err != nil {
		fmt.Println(err)
		return
	}
	w, err := p.Weights(diffusion.Objective{Kind: diffusion.MinSNR, Gamma: 5}, diffusion.VPrediction, diffusion.FixedSmall)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.6f %.6f %.6f\n", w[0], w[499], w[999])
	// Output:
	// 0.000206 0.493844 0.000000
}
