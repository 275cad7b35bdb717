package nn

import "github.com/unnoise/unnoise/kernels"

// LabelKind says what conditions a network.
type LabelKind uint8

// The label kinds.
const (
	NoLabels LabelKind = iota
	ClassLabels
	VectorLabels
)

// Labels is what a network takes beside x and t: class numbers below Classes (0: no limit), or vectors of Dim elements.
type Labels struct {
	Kind    LabelKind
	Classes int // the null label counted
	Null    int // the class number that stands for no label, the last one; 0: the network has none
	Dim     int
}

// Named returns the number of classes that a sample can have, the null label not counted; 0: no limit.
func (l Labels) Named() int {
	if l.Null > 0 {
		return l.Null
	}
	return l.Classes
}

// Spec returns the tensor of a batch of labels.
func (l Labels) Spec(n int) kernels.Spec {
	if l.Kind == VectorLabels {
		return kernels.Dense(kernels.F32, n, 1, 1, l.Dim)
	}
	return kernels.Dense(kernels.I32, n, 1, 1, 1)
}

// Network is a noise predictor: eps_theta(x, t).
type Network interface {
	Config() Config
	Labels() Labels
	// Size returns the height and width that the configuration names, zero if it names none.
	Size() (h, w int)
	// CheckSize reports why samples of h x w pixels cannot be used.
	CheckSize(h, w int) error
	// DiscreteTime reports an error if the network cannot be used with timesteps 0..T-1.
	DiscreteTime() error
	// Forward emits the network: x (N,H,W,Cin), t (N,1,1,1) I32 or F32, labels as Labels says. It returns (N,H,W,Cout).
	Forward(c *Context, x, t, labels kernels.Value) kernels.Value
}
