package conv

import (
	"testing"

	"github.com/unnoise/unnoise/kernels/kerneltest"
)

func TestConv2D(t *testing.T)      { kerneltest.Run(t, "conv2d") }
func TestConv2DDgrad(t *testing.T) { kerneltest.Run(t, "conv2d_dgrad") }
func TestConv2DWgrad(t *testing.T) { kerneltest.Run(t, "conv2d_wgrad") }
