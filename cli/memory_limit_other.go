//go:build !unix

package cli

// addressSpace is the limit on the address space; other systems have none that is asked for.
func addressSpace() int64 { return 0 }
