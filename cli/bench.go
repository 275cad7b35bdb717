package cli

import urfave "github.com/urfave/cli/v2"

func benchCommand() *urfave.Command {
	return &urfave.Command{
		Name:      "bench",
		Usage:     "measure kernels, training steps and sampling on a GPU (not in this version)",
		ArgsUsage: "kernels|step|sample",
		Action: func(c *urfave.Context) error {
			return usagef("bench measures CUDA kernels, which this version does not have yet; CPU training steps are measured as bench/README.md describes")
		},
	}
}
