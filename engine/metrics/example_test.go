package metrics_test

import (
	"fmt"

	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/metrics"
)

// The least loss that any network can reach on 1000 points of the swiss roll.
func ExampleDenoiser_MinimumLoss() {
	roll, err := data.Generate("swissroll", 1000, 1, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := diffusion.NewProcess(diffusion.Schedule{Kind: diffusion.JSD, Timesteps: 40})
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := metrics.NewDenoiser(roll.Values(), 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := d.MinimumLoss(p, diffusion.Epsilon, 1024, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f\n", m.Mean)
	// Output:
	// 0.43
}
