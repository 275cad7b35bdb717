package ptx

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestHostileSize: large and tangled functions are read, or refused, in bounded time.
func TestHostileSize(t *testing.T) {
	const n = 20000
	function := func(line func(s *strings.Builder, i int)) string {
		var s strings.Builder
		s.WriteString(header + ".entry k() {\n.reg .pred p; .reg .b32 r;\n")
		for i := range n {
			line(&s, i)
		}
		s.WriteString("}")
		return s.String()
	}
	for name, src := range map[string]string{
		"ladder up":   function(func(s *strings.Builder, i int) { fmt.Fprintf(s, "L%d: @p bra L%d;\n", i, (i+2)%n) }),
		"ladder down": function(func(s *strings.Builder, i int) { fmt.Fprintf(s, "L%d: @p bra L%d;\n", i, max(i-2, 0)) }),
		"tangle":      function(func(s *strings.Builder, i int) { fmt.Fprintf(s, "L%d: @p bra L%d;\n", i, i*7919%n) }),
		"mirror":      function(func(s *strings.Builder, i int) { fmt.Fprintf(s, "L%d: @p bra L%d;\n", i, n-1-i) }),
		"returns":     function(func(s *strings.Builder, i int) { s.WriteString("@p ret;\n") }),
		"table": function(func(s *strings.Builder, i int) {
			if i == 0 {
				fmt.Fprintf(s, "L: t: .branchtargets L%s;\nbrx.idx r, t;\n", strings.Repeat(", L", n))
			}
		}),
		"registers": header + ".entry k() { .reg .b32 %r<1000000000>; mov.b32 %r999999999, %r0; }",
	} {
		start := time.Now()
		m, err := Parse(name, []byte(src))
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("%s took %v", name, d)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkFunc(t, name, m.Func("k"))
	}
}

func BenchmarkParse(b *testing.B) {
	all := compilerOutput(b)
	for _, name := range []string{"gemm_bf16.ptx", "silu.ptx"} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(all[name])))
			for b.Loop() {
				if _, err := Parse(name, all[name]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
