package diffusion_test

import (
	"fmt"

	"github.com/unnoise/unnoise/engine/diffusion"
)

// The tables of Ho et al.'s process.
func Example() {
	p, err := diffusion.NewProcess(diffusion.Schedule{Kind: diffusion.Linear, Timesteps: 1000})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("abar at 0 and 999: %.4f %.4g\n", p.AlphasCumprod[0], p.AlphasCumprod[999])
	// Output:
	// abar at 0 and 999: 0.9999 4.036e-05
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
