package header

import (
	"fmt"
	"strings"
)

// Trampolines writes the C file that defines every function of the header except cuInit by a call of the driver's function of
// the same name, looked up when it is first called.
func (h *Header) Trampolines() []byte {
	var b strings.Builder
	b.WriteString(`//go:build cuda && cgo

// Code generated from include/cuda.h by internal/gen. DO NOT EDIT.

#include "loader.h"

#include <stdatomic.h>

#define FORWARD(name, types, args)                                               \
	static _Atomic(void *) slot;                                              \
	void *target = atomic_load_explicit(&slot, memory_order_acquire);              \
	if (!target)                                                                \
		target = unnoise_lookup(&slot, #name);                                 \
	return target ? ((CUresult(*) types)target)args : unnoise_absent()

`)
	for _, f := range h.Functions {
		if f.Name == "cuInit" {
			continue
		}
		types, declared, args := "void", "void", ""
		if len(f.Params) > 0 {
			var named, names []string
			for i, p := range f.Params {
				name := string(rune('a' + i))
				names = append(names, name)
				named = append(named, strings.TrimSuffix(p+" ", "* ")+pointer(p)+name)
			}
			types, declared, args = strings.Join(f.Params, ", "), strings.Join(named, ", "), strings.Join(names, ", ")
		}
		fmt.Fprintf(&b, "UNNOISE_HIDDEN CUresult %s(%s) { FORWARD(%s, (%s), (%s)); }\n", f.Name, declared, f.Name, types, args)
	}
	return []byte(b.String())
}

// pointer is the star that belongs before a parameter's name.
func pointer(p string) string {
	if strings.HasSuffix(p, "*") {
		return "*"
	}
	return ""
}

// Report writes a C program that prints the value of every constant, the size of every struct with the offsets of its members,
// and the symbol behind every function's name. Compiled against two headers it must print the same.
func (h *Header) Report() []byte {
	var b strings.Builder
	b.WriteString("#include <stddef.h>\n#include <stdio.h>\n#include <cuda.h>\n#define TEXT(x) #x\n#define EXPANDED(x) TEXT(x)\n\nint main(void)\n{\n")
	for _, c := range h.Constants {
		fmt.Fprintf(&b, "\tprintf(\"%s %%lld\\n\", (long long)%s);\n", c, c)
	}
	for _, s := range h.Structs {
		fmt.Fprintf(&b, "\tprintf(\"sizeof %s %%zu alignof %%zu\\n\", sizeof(%s), _Alignof(%s));\n", s.Name, s.Name, s.Name)
		for _, m := range s.Members {
			if m != "alignment" { // stands for the members that this header leaves out
				fmt.Fprintf(&b, "\tprintf(\"%s.%s %%zu\\n\", offsetof(%s, %s));\n", s.Name, m, s.Name, m)
			}
		}
	}
	for _, a := range h.Aliases {
		fmt.Fprintf(&b, "\tprintf(\"%s %%s\\n\", EXPANDED(%s));\n", a.Name, a.Name)
	}
	for _, f := range h.Functions {
		fmt.Fprintf(&b, "\tprintf(\"%s %%s\\n\", EXPANDED(%s));\n", f.Name, f.Name)
	}
	b.WriteString("\treturn 0;\n}\n")
	return []byte(b.String())
}

// Prototypes writes a C file that declares every function again: it compiles against a header whose prototypes are the same.
func (h *Header) Prototypes() []byte {
	var b strings.Builder
	b.WriteString("#include <cuda.h>\n\n")
	for _, f := range h.Functions {
		params := strings.Join(f.Params, ", ")
		if params == "" {
			params = "void"
		}
		fmt.Fprintf(&b, "CUresult %s(%s);\n", f.Name, params)
	}
	return []byte(b.String())
}
