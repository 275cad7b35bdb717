package emu_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

// TestBlocksInReverse: control that runs through a function from its end to its beginning does not make loading slow: it takes less
// than a hundred times as long as the same blocks in order, or a few times as long where the analysis is right.
func TestBlocksInReverse(t *testing.T) {
	const blocks, registers = 10000, 2000
	took := func(next func(i int) int, first int) time.Duration {
		var text strings.Builder
		fmt.Fprintf(&text, "%s.visible .entry k()\n{\n.reg .b32 %%r<%d>;\nbra L%d;\n", checkHeader, registers, first)
		for i := range blocks {
			fmt.Fprintf(&text, "L%d: mov.u32 %%r%d, 1;\n", i, i%registers)
			if n := next(i); n >= 0 && n < blocks {
				fmt.Fprintf(&text, "bra L%d;\n", n)
			} else {
				text.WriteString("ret;\n")
			}
		}
		text.WriteString("}\n")
		d := emutest.Open(t)
		start := time.Now()
		m, err := d.LoadModule("blocks.ptx", []byte(text.String()))
		if err != nil {
			t.Fatal(err)
		}
		f, err := m.Function("k")
		if err != nil {
			t.Fatal(err)
		}
		if n := f.Attributes().Registers; n <= 0 {
			t.Errorf("%d registers", n)
		}
		return time.Since(start)
	}
	inOrder := took(func(i int) int { return i + 1 }, 0)
	if reverse := took(func(i int) int { return i - 1 }, blocks-1); reverse > 100*inOrder {
		t.Errorf("loading took %v, blocks in order %v", reverse, inOrder)
	}
}

// TestParametersOfNestedCalls: the parameters of recursive calls count against the memory of a thread.
func TestParametersOfNestedCalls(t *testing.T) {
	const text = checkHeader + `.func f(.param .align 8 .b8 a[30000]);
.func f(.param .align 8 .b8 a[30000])
{
call.uni f, (a);
ret;
}
.visible .entry k()
{
.param .align 8 .b8 q[30000];
call.uni f, (q);
ret;
}
`
	d := emutest.Open(t)
	m, err := d.LoadModule("nested.ptx", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Function("k")
	if err != nil {
		t.Fatal(err)
	}
	err = d.Try(f, emutest.Spec{Grid: cuda.Dim3{X: 1}, Block: cuda.Dim3{X: 32}})
	var e *cuda.Error
	if !errors.As(err, &e) || e.Fault == nil || e.Fault.Check != cuda.CallDepth || !strings.Contains(e.Fault.Detail, "65536 bytes") {
		t.Errorf("got %v, want a report of %s", err, cuda.CallDepth)
	}
}
