// Package ptx holds the compiled kernels: kernels/<family>/<stem>.cu is <stem>.ptx here, made by make ptx and listed with the
// hashes of its sources in manifest.txt.
package ptx

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed *.ptx manifest.txt
var files embed.FS

// Source returns the PTX of a module, the stem of its .cu file.
func Source(module string) ([]byte, error) {
	text, err := files.ReadFile(module + ".ptx")
	if err != nil {
		return nil, fmt.Errorf("there is no compiled kernel file %s.ptx in this build: run make ptx", module)
	}
	return text, nil
}

// Modules lists the modules by name.
func Modules() []string {
	names, err := fs.Glob(files, "*.ptx")
	if err != nil {
		return nil
	}
	for i, n := range names {
		names[i] = strings.TrimSuffix(n, ".ptx")
	}
	return names
}
