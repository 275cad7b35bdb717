//go:build !amd64

package lane

import "unsafe"

var (
	bodies       map[string]Func
	multiplyBF16 func(*[14]unsafe.Pointer, *Scratch)
)
