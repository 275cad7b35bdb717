// Package all registers every network.
package all

import (
	_ "github.com/unnoise/unnoise/engine/nn/mlp" // register
	_ "github.com/unnoise/unnoise/engine/nn/unet2d"
)
