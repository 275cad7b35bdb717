package emu_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

// A check case is a kernel that breaks a rule and the same kernel repaired. The kernels are written line by line: %rd1 and
// %rd2 hold the parameters x and y, %r1 the parameter n, %r2 the thread, %r3 the block, %r5 the thread in the grid, %rd4 and
// %rd5 the addresses of that thread's 32-bit element of x and y, %r6 what x holds there. The line that the report must name ends
// in //!.
type checkCase struct {
	name   string
	broken string
	repair []string // pairs: text of the broken kernel, its replacement
	decl   string   // module-level declarations

	grid, block int // 2 and 64 if zero
	xElems      int // elements of x and y; one per thread if zero
	yElems      int
	undefinedX  bool
	yMode       cuda.Mode
	shared      int
	undeclared  bool // no operands
	change      func(x, y *cuda.Operand)
	setup       func(d *emutest.Device, x, y cuda.Memory)

	check      cuda.Check
	blk, thr   int                // of the report
	wantObject string             // part of Fault.Object
	wantDetail string             // part of Fault.Detail
	space      string             // Fault.Space
	noLine     bool               // the report belongs to no instruction
	anyLine    bool               // the line is not compared
	anySpace   bool               // Space and Object are not compared
	repairCase func(c *checkCase) // changes the launch instead of the kernel
}

const checkHeader = `.version 8.4
.target sm_80
.address_size 64
`

const checkPrologue = `.visible .entry k(.param .u64 x, .param .u64 y, .param .u32 n)
{
.reg .pred %p<9>; .reg .b16 %h<9>; .reg .b32 %r<30>; .reg .f32 %f<9>; .reg .b64 %rd<30>;
ld.param.u64 %rd1, [x]; ld.param.u64 %rd2, [y]; ld.param.u32 %r1, [n];
cvta.to.global.u64 %rd1, %rd1; cvta.to.global.u64 %rd2, %rd2;
mov.u32 %r2, %tid.x; mov.u32 %r3, %ctaid.x; mov.u32 %r4, %ntid.x; mad.lo.s32 %r5, %r3, %r4, %r2;
mul.wide.s32 %rd3, %r5, 4; add.s64 %rd4, %rd1, %rd3; add.s64 %rd5, %rd2, %rd3;
`

// source builds a kernel's text and returns the line marked //!. Line i of the file is line i+1000 of the source that .loc
// names.
func (c *checkCase) source(body string) (text string, marked int) {
	lines := strings.Split(checkHeader+c.decl+checkPrologue+body+"\nret;\n}\n.file 1 \"broken.cu\"", "\n")
	inBody := false
	for i, l := range lines {
		if strings.Contains(l, "//!") {
			marked = i + 1
		}
		t := strings.TrimSpace(l)
		if inBody && t != "" && !strings.HasPrefix(t, "}") && !strings.HasPrefix(t, ".file") {
			lines[i] = fmt.Sprintf(".loc 1 %d 0; %s", i+1001, l)
			lines[i] = strings.Replace(lines[i], " 0; ", " 0 ", 1)
		}
		inBody = inBody || t == "{"
	}
	return strings.Join(lines, "\n"), marked
}

func (c *checkCase) defaults() {
	if c.grid == 0 {
		c.grid = 2
	}
	if c.block == 0 {
		c.block = 64
	}
	if c.xElems == 0 {
		c.xElems = c.grid * c.block
	}
	if c.yElems == 0 {
		c.yElems = c.grid * c.block
	}
	if c.yMode == 0 {
		c.yMode = cuda.ReadWrite
	}
}

// run executes a kernel of the case on a fresh device.
func (c *checkCase) run(t *testing.T, text string) error {
	t.Helper()
	d := emutest.Open(t)
	m, err := d.LoadModule("broken.ptx", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Function("k")
	if err != nil {
		t.Fatal(err)
	}
	alloc := func(name string, n int, fill bool) cuda.Memory {
		mem, err := d.Alloc(int64(4*n), name)
		if err == nil && fill {
			err = d.CopyToDevice(mem.Ptr(), emutest.Bytes(make1(n, func(i int) uint32 { return uint32(i) })))
		}
		if err != nil {
			t.Fatal(err)
		}
		return mem
	}
	x, y := alloc("allocX", c.xElems, !c.undefinedX), alloc("allocY", c.yElems, c.yMode != cuda.Write)
	l := cuda.Launch{Grid: cuda.Dim3{X: c.grid}, Block: cuda.Dim3{X: c.block}, DynamicShared: c.shared, Label: "case",
		Args: []any{x.Ptr(), y.Ptr(), uint32(c.xElems)}}
	if !c.undeclared {
		ox, oy := cuda.Range("x", x.Ptr(), x.Size(), cuda.Read), cuda.Range("y", y.Ptr(), y.Size(), c.yMode)
		if c.change != nil {
			c.change(&ox, &oy)
		}
		l.Operands = []cuda.Operand{ox, oy}
	}
	if c.setup != nil {
		c.setup(d, x, y)
	}
	s, err := d.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Launch(f, l); err != nil {
		return err
	}
	return s.Synchronize()
}

func runCheckCases(t *testing.T, cases []checkCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.defaults()
			text, line := c.source(c.broken)
			c.verify(t, c.run(t, text), line)
			fixed := c
			if c.repairCase != nil {
				c.repairCase(&fixed)
			}
			body := c.broken
			for i := 0; i < len(c.repair); i += 2 {
				if !strings.Contains(body, c.repair[i]) {
					t.Fatalf("repair: %q is not in the kernel", c.repair[i])
				}
				body = strings.Replace(body, c.repair[i], c.repair[i+1], 1)
			}
			text, _ = fixed.source(body)
			if err := fixed.run(t, text); err != nil {
				t.Errorf("the repaired kernel is reported: %v", err)
			}
		})
	}
}

// verify compares a report with the expected one.
func (c *checkCase) verify(t *testing.T, err error, line int) {
	t.Helper()
	var e *cuda.Error
	if !errors.As(err, &e) || e.Fault == nil {
		t.Fatalf("got %v, want a report of %s", err, c.check)
	}
	f := e.Fault
	if f.Check != c.check || f.Kernel != "k" || f.Label != "case" || f.Module != "broken.ptx" && !c.noLine {
		t.Errorf("got %v\nwant %s in kernel k, launch case, module broken.ptx", err, c.check)
	}
	switch {
	case c.anyLine:
		line = f.PTXLine
	case c.noLine:
		line = 0
	case f.Source != "broken.cu" || f.Line != line+1000:
		t.Errorf("source line %s:%d, want broken.cu:%d\n%v", f.Source, f.Line, line+1000, err)
	}
	if f.PTXLine != line {
		t.Errorf("PTX line %d, want %d\n%v", f.PTXLine, line, err)
	}
	if f.Block != (cuda.Dim3{X: c.blk}) || f.Thread != (cuda.Dim3{X: c.thr}) {
		t.Errorf("block %v, thread %v, want %d and %d\n%v", f.Block, f.Thread, c.blk, c.thr, err)
	}
	if !strings.Contains(f.Object, c.wantObject) || !strings.Contains(f.Detail, c.wantDetail) || f.Space != c.space && !c.anySpace {
		t.Errorf("space %q, object %q, detail %q, want %q, %q and %q\n%v", f.Space, f.Object, f.Detail, c.space, c.wantObject, c.wantDetail, err)
	}
}
