// Package header reads the declarations of a C header of the CUDA driver API as far as their text goes: the project's own
// cuda.h is written so that simple patterns find everything in it.
package header

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Files are the parts of the project's header.
var Files = []string{"cuda_constants.h", "cuda_types.h", "cuda.h"}

// Header is what the files declare, in their order.
type Header struct {
	Functions []Function
	Aliases   []Alias
	Constants []string
	Structs   []Struct
}

// Function is a prototype. Params is empty where C writes void.
type Function struct {
	Name   string
	Params []string
}

// Alias is a name without a version and the versioned name that it stands for.
type Alias struct{ Name, Symbol string }

// Struct is a struct or union type with the names of its members.
type Struct struct {
	Name    string
	Members []string
}

var (
	comments  = regexp.MustCompile(`(?s)/\*.*?\*/`)
	prototype = regexp.MustCompile(`(?s)CUresult\s+(cu\w+)\(([^;]*?)\);`)
	alias     = regexp.MustCompile(`(?m)^#define (cu\w+) (cu\w+)$`)
	define    = regexp.MustCompile(`(?m)^#define (CU_\w+) `)
	enum      = regexp.MustCompile(`(?s)typedef enum \w+ \{(.*?)\}`)
	constant  = regexp.MustCompile(`(CU\w+) = `)
	structure = regexp.MustCompile(`(?s)typedef (?:struct|union) \w+ \{\n(.*?)\n\} (\w+);`)
	nested    = regexp.MustCompile(`(?s)struct \{.*?\} `)
	member    = regexp.MustCompile(`(\w+)(?:\[[^\]]*\])?\s*(?:,|;)`)
)

// Read parses files of one folder.
func Read(dir string, files ...string) (*Header, error) {
	h := &Header{}
	for _, name := range files {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		h.add(comments.ReplaceAllString(string(b), ""))
	}
	if len(h.Functions) == 0 || len(h.Constants) == 0 || len(h.Structs) == 0 {
		return nil, fmt.Errorf("%s: no functions, constants or structs found in %s", dir, strings.Join(files, ", "))
	}
	return h, nil
}

func (h *Header) add(text string) {
	for _, m := range prototype.FindAllStringSubmatch(text, -1) {
		f := Function{Name: m[1]}
		for _, p := range strings.Split(m[2], ",") {
			if p = strings.Join(strings.Fields(p), " "); p != "void" {
				f.Params = append(f.Params, p)
			}
		}
		h.Functions = append(h.Functions, f)
	}
	for _, m := range alias.FindAllStringSubmatch(text, -1) {
		h.Aliases = append(h.Aliases, Alias{m[1], m[2]})
	}
	for _, m := range enum.FindAllStringSubmatch(text, -1) {
		for _, c := range constant.FindAllStringSubmatch(m[1], -1) {
			h.Constants = append(h.Constants, c[1])
		}
	}
	for _, m := range define.FindAllStringSubmatch(text, -1) {
		h.Constants = append(h.Constants, m[1])
	}
	for _, m := range structure.FindAllStringSubmatch(text, -1) {
		s := Struct{Name: m[2]}
		for _, f := range member.FindAllStringSubmatch(nested.ReplaceAllString(m[1], ""), -1) {
			s.Members = append(s.Members, f[1])
		}
		h.Structs = append(h.Structs, s)
	}
}
