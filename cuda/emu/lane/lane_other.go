//go:build !amd64

package lane

var bodies map[string]Func
