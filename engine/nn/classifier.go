package nn

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/conv"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/norm"
)

// Classifier is a small convolutional network that tells classes of images apart; its uses are measurements of samples.
type Classifier struct {
	// Channels are the widths, multiples of 8: a stem at full size, then a convolution of stride 2 for each.
	Channels []int
	Classes  int
}

// Declare returns the classifier's parameters for images of a spec.
func (k Classifier) Declare(x kernels.Spec) (*ParamSet, error) {
	set, err := declareWith(func(c *Context) { k.Forward(c, c.G.Input("x", x)) })
	if err != nil {
		return nil, fmt.Errorf("classifier: %w", err)
	}
	return set, nil
}

// Forward emits the scores (N,1,1,Classes) of images x (N,H,W,C): convolutions with group norm and
// SiLU, each but the first halving the size, then one that covers what is left. The scores are linear;
// with a mean squared error to one-hot targets they estimate the probabilities of the classes.
func (k Classifier) Forward(c *Context, x kernels.Value) kernels.Value {
	for i, width := range k.Channels {
		g := conv.Same(3)
		if i > 0 {
			g.Stride = 2
		}
		name := fmt.Sprintf("conv_%d", i)
		x = c.Conv(name, x, width, g, ConvOptions{})
		op := norm.GroupNorm{Groups: max(1, width/8), Eps: 1e-5, Activation: elementwise.SiLU}
		x = c.Norm(name+".norm", x, kernels.Value{}, op)
	}
	return c.Conv("scores", x, k.Classes, conv.Geometry{KH: x.Spec.H, KW: x.Spec.W}, ConvOptions{})
}
