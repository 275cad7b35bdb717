package emu_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
	"github.com/unnoise/unnoise/cuda/ptx"
)

// attempt loads a module and launches each of its kernels on small buffers; everything may fail, but only with errors of the
// right type. The step budget bounds the work: what it does not stop runs into the time-out of the tests.
func attempt(t *testing.T, text string) {
	t.Helper()
	d := emutest.OpenProfile(t, "a100", emu.StepBudget(20000), emu.Workers(2), emu.MemoryLimit(64<<20))
	defer d.Close() // now, not at the end of many attempts
	check := func(err error) bool {
		var e *cuda.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("error of type %T: %v", err, err)
		}
		if err != nil && strings.Contains(err.Error(), "internal error") {
			t.Fatalf("%v\n%s", err, text)
		}
		return err == nil
	}
	m, err := d.LoadModule("hostile.ptx", []byte(text))
	if !check(err) {
		return
	}
	parsed, err := ptx.Parse("hostile.ptx", []byte(text))
	if err != nil {
		t.Fatalf("a module that does not parse was loaded: %v", err)
	}
	for _, k := range parsed.Funcs {
		if !k.Entry {
			continue
		}
		f, err := m.Function(k.Name)
		if !check(err) {
			continue
		}
		x := emutest.InOut(d, "x", make([]uint32, 4096))
		var args []any
		for _, p := range k.Params {
			if p.Size > 4096 {
				return
			}
			switch p.Size {
			case 8:
				args = append(args, x.Ptr())
			case 4:
				args = append(args, int32(20))
			default:
				args = append(args, cuda.Raw{Bytes: make([]byte, p.Size), Align: int(min(p.Align, 128))})
			}
		}
		l := cuda.Launch{Grid: cuda.Dim3{X: 2}, Block: cuda.Dim3{X: 64}, Args: args}
		s, err := d.NewStream()
		if !check(err) {
			continue
		}
		if check(s.Launch(f, l)) {
			check(s.Synchronize())
		}
		check(s.Close())
	}
}

// corpus is the text of the smaller test kernels, in a fixed order.
func corpus(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(kernelFolder, "*.ptx"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no test kernels: %v", err)
	}
	var all []string
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			tb.Fatal(err)
		}
		if len(b) < 40<<10 {
			all = append(all, string(b))
		}
	}
	return all
}

// registerName matches what nvcc calls registers: a class and a number.
var registerName = regexp.MustCompile(`%(p|rs|r|rd|f|fd|h)\d+`)

// scramble changes a few places of a text as a careless or malicious author would. Most changes keep the text loadable: another
// register of the same class, another number, condition or label; the others break its grammar.
func scramble(r *rand.Rand, text string) string {
	lines := strings.Split(text, "\n")
	for range 1 + r.IntN(3) {
		i := r.IntN(len(lines))
		for range 50 { // mostly instructions
			if strings.HasSuffix(lines[i], ";") && !strings.Contains(lines[i], ".reg") && !strings.Contains(lines[i], ".loc") {
				break
			}
			i = r.IntN(len(lines))
		}
		j := (i + r.IntN(60) - 30 + len(lines)) % len(lines)
		if r.IntN(6) == 0 {
			breakLine(r, lines, i, j)
			continue
		}
		changeLine(r, lines, i, j)
	}
	return strings.Join(lines, "\n")
}

// changeLine changes an operand, condition or size of line i, or swaps or drops whole lines.
func changeLine(r *rand.Rand, lines []string, i, j int) {
	replace := func(pairs ...string) { lines[i] = strings.NewReplacer(pairs...).Replace(lines[i]) }
	switch r.IntN(8) {
	case 0:
		lines[i] = ""
	case 1:
		lines[i], lines[j] = lines[j], lines[i]
	case 2, 3: // a register of the same class from line j
		to := registerName.FindAllString(lines[j], -1)
		all := registerName.FindAllString(lines[i], -1)
		if len(to) == 0 || len(all) == 0 {
			return
		}
		from, by := all[r.IntN(len(all))], to[r.IntN(len(to))]
		if strings.TrimRight(from, "0123456789") == strings.TrimRight(by, "0123456789") {
			lines[i] = strings.Replace(lines[i], from, by, 1)
		}
	case 4: // another number
		if k := strings.LastIndexAny(lines[i], " ,+["); k >= 0 && k+1 < len(lines[i]) && lines[i][k+1] >= '0' && lines[i][k+1] <= '9' {
			lines[i] = lines[i][:k+1] + []string{"0", "1", "31", "65", "-1", "4096", "2147483647"}[r.IntN(7)] + strings.TrimLeft(lines[i][k+1:], "0123456789")
		}
	case 5:
		replace(".lt.", ".ge.", ".eq.", ".ne.", ".gt.", ".le.", ".ge.", ".lt.", "@%p", "@!%p", "@!%p", "@%p", ".s32", ".u32", "add.", "sub.", "wait_group 1", "wait_group 3")
	case 6:
		replace(".v2.", ".v4.", "bar.sync 0", "bar.sync 1", ".x4.", ".x2.", "shared", "global", "bra.uni", "bra", "16;", "8;")
	case 7: // another branch target
		if k := strings.Index(lines[i], "$L__BB"); k >= 0 {
			lines[i] = lines[i][:k] + "$L__BB0_" + strconv.Itoa(r.IntN(12)) + ";"
		}
	}
}

// breakLine mixes line i with line j, or gives it a number or size that does not fit.
func breakLine(r *rand.Rand, lines []string, i, j int) {
	a, b := strings.Fields(lines[i]), strings.Fields(lines[j])
	switch r.IntN(4) {
	case 0:
		if len(a) > 1 && len(b) > 1 {
			a[1+r.IntN(len(a)-1)] = b[1+r.IntN(len(b)-1)]
			lines[i] = strings.Join(a, " ")
		}
	case 1:
		if len(a) > 0 && len(b) > 0 {
			a[0] = b[0]
			lines[i] = strings.Join(a, " ")
		}
	case 2:
		if k := strings.LastIndexAny(lines[i], "0123456789"); k >= 0 {
			lines[i] = lines[i][:k] + []string{"4294967295", "-1", "0x7fffffffffffffff", "31", "1099511627776"}[r.IntN(5)] + lines[i][k+1:]
		}
	case 3:
		lines[i] = strings.Replace(lines[i], "32", []string{"64", "16", "8"}[r.IntN(3)], 1)
	}
}

// TestScrambledKernels: changed compiler output ends in results or errors, never in a crash or a hang.
func TestScrambledKernels(t *testing.T) {
	n := 2000
	if testing.Short() {
		n = 250
	}
	r := random(50)
	texts := corpus(t)
	for range n {
		attempt(t, scramble(r, texts[r.IntN(len(texts))]))
	}
}

// FuzzLoad does the same with whatever the fuzzer thinks of.
func FuzzLoad(f *testing.F) {
	for _, text := range corpus(f) {
		if len(text) < 8<<10 {
			f.Add(text)
		}
	}
	var c checkCase
	for _, body := range []string{"", "L: bra L;", "bar.sync 0;", failing, "trap;", "mov.u32 %r6, %clock; st.global.u32 [%rd5], %r6;"} {
		text, _ := c.source(body)
		f.Add(text)
	}
	f.Fuzz(attempt)
}

// TestEndlessKernels: a kernel that would never end is stopped by the step budget, with the place where it was.
func TestEndlessKernels(t *testing.T) {
	for name, body := range map[string]string{
		"loop":               "L: bra L;",
		"uniform loop":       "L: bra.uni L;",
		"guarded loop":       "L: setp.eq.u32 %p1, %r1, %r1;\n@%p1 bra L;",
		"divergent loop":     "L: setp.lt.u32 %p1, %r2, 7;\n@%p1 bra L;",
		"barrier in a loop":  "L: bar.sync 0;\nbra L;",
		"waits for a flag":   "L: ld.volatile.global.u32 %r6, [%rd5]; setp.eq.u32 %p1, %r6, 0;\n@%p1 bra L;",
		"waits for a thread": "L: atom.global.cas.b32 %r6, [%rd2], 0, 1; setp.ne.u32 %p1, %r6, 0;\n@%p1 bra L; bar.sync 0;",
		"recursion":          "CALL",
		"loop of returns":    "L: setp.eq.u32 %p1, %r2, 1000; @%p1 ret;\nbra L;",
	} {
		t.Run(name, func(t *testing.T) {
			var c checkCase
			if body == "CALL" {
				c.decl, body = ".func f();\n.func f() { call.uni f, (); call.uni f, (); ret; }\n", "call.uni f, ();"
			}
			text, _ := c.source(body)
			d := emutest.OpenProfile(t, "a100", emu.StepBudget(200000))
			m, err := d.LoadModule("endless.ptx", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			f, err := m.Function("k")
			if err != nil {
				t.Fatal(err)
			}
			x := emutest.InOut(d, "x", make([]uint32, 1024))
			err = d.Try(f, emutest.Spec{Grid: cuda.Dim3{X: 2}, Block: cuda.Dim3{X: 64}}, x, emutest.InOut(d, "y", make([]uint32, 1024)), uint32(1))
			var e *cuda.Error
			if !errors.As(err, &e) || e.Fault == nil || !slices.Contains([]cuda.Check{cuda.StepBudget, cuda.CallDepth, cuda.BarrierDivergence}, e.Fault.Check) || e.Fault.PTXLine == 0 {
				t.Errorf("got %v, want a report of the step budget", err)
			}
		})
	}
}

// TestHugeSizes: sizes that no device has end in an error when the module is loaded or launched.
func TestHugeSizes(t *testing.T) {
	const tera = "1099511627776"
	for name, c := range map[string]struct {
		decl, body string
		launch     cuda.Launch
	}{
		"static shared memory":   {decl: ".shared .align 4 .b8 huge[" + tera + "];\n", body: "st.shared.u32 [huge], %r1;"},
		"shared in the kernel":   {body: ".shared .align 4 .b8 huge[" + tera + "]; st.shared.u32 [huge], %r1;"},
		"dynamic shared memory":  {launch: cuda.Launch{DynamicShared: 1 << 40}},
		"negative shared memory": {launch: cuda.Launch{DynamicShared: -1}},
		"local memory":           {body: ".local .align 4 .b8 huge[" + tera + "]; st.local.u32 [huge], %r1;"},
		"global variable":        {decl: ".global .align 4 .b8 huge[" + tera + "];\n"},
		"constant variable":      {decl: ".const .align 4 .b8 huge[" + tera + "];\n"},
		"parameter of a call":    {decl: ".func f(.param .b8 p[" + tera + "]) { ret; }\n", body: "{ .param .b8 p0[" + tera + "]; call.uni f, (p0); }"},
		"many locals":            {body: ".local .b8 a[1000000000]; .local .b8 b[1000000000]; st.local.u8 [a], %h1; st.local.u8 [b], %h1;"},
		"grid":                   {launch: cuda.Launch{Grid: cuda.Dim3{X: 1<<31 - 1, Y: 65535, Z: 65535}}},
		"negative grid":          {launch: cuda.Launch{Grid: cuda.Dim3{X: -1}}},
		"grid beyond limits":     {launch: cuda.Launch{Grid: cuda.Dim3{X: 1, Y: 70000}}},
		"block":                  {launch: cuda.Launch{Block: cuda.Dim3{X: 1024, Y: 1024, Z: 64}}},
		"block that overflows":   {launch: cuda.Launch{Block: cuda.Dim3{X: 1 << 31, Y: 1 << 31, Z: 4}}},
		"cluster":                {launch: cuda.Launch{Cluster: cuda.Dim3{X: 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			cc := checkCase{decl: c.decl}
			text, _ := cc.source(c.body)
			d := emutest.OpenProfile(t, "a100", emu.StepBudget(1<<20))
			err := func() error {
				m, err := d.LoadModule("huge.ptx", []byte(text))
				if err != nil {
					return err
				}
				f, err := m.Function("k")
				if err != nil {
					return err
				}
				s, err := d.NewStream()
				if err != nil {
					t.Fatal(err)
				}
				l := c.launch
				if l.Block == (cuda.Dim3{}) {
					l.Block.X = 32
				}
				l.Args = []any{cuda.DevicePtr(0), cuda.DevicePtr(0), uint32(1)}
				if err := s.Launch(f, l); err != nil {
					return err
				}
				return s.Synchronize()
			}()
			var e *cuda.Error
			if !errors.As(err, &e) {
				t.Errorf("got %v, want an error", err)
			}
		})
	}
}
