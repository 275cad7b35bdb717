//go:build !amd64

package simd

func canGemm() bool { return false }

func (g *product) run(bool) {}

// Unit names the vector unit that the package uses.
func Unit() string { return "portable" }
