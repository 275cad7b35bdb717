package sampler

// Level is one noise level: x = Alpha x_0 + Sigma eps.
type Level struct {
	T            float64 // what the network is told
	Alpha, Sigma float64
	InScale      float64 // the network's input is InScale x
	X0X, X0Out   float64 // x_0 = X0X x + X0Out out, of the unscaled x
}

// Grid gives noise levels directly, without a schedule of timesteps.
type Grid struct {
	Levels []Level // first to last; the last is where the chain ends, and the network is not called there
	// Between returns the level where log(Sigma/Alpha) is given, for methods that call the network off the grid; nil
	// refuses them.
	Between func(logSNR float64) Level
}
