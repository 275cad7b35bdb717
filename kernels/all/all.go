// Package all registers every operator.
package all

import (
	_ "github.com/unnoise/unnoise/kernels/attention" // register
	_ "github.com/unnoise/unnoise/kernels/conv"
	_ "github.com/unnoise/unnoise/kernels/diffusion"
	_ "github.com/unnoise/unnoise/kernels/elementwise"
	_ "github.com/unnoise/unnoise/kernels/embed"
	_ "github.com/unnoise/unnoise/kernels/linear"
	_ "github.com/unnoise/unnoise/kernels/loss"
	_ "github.com/unnoise/unnoise/kernels/norm"
	_ "github.com/unnoise/unnoise/kernels/optim"
	_ "github.com/unnoise/unnoise/kernels/rng"
)
