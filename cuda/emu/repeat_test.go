package emu_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

// outcome is everything that a launch leaves behind.
type outcome struct {
	Bytes    [][]byte
	Counters []cuda.LaunchCounters
	Err      string
}

// observe runs launches on a device with the given number of workers.
func observe(t *testing.T, workers int, run func(d *emutest.Device) [][]byte) outcome {
	t.Helper()
	d := emutest.OpenProfile(t, "a100", emu.Workers(workers))
	p := d.Device.(cuda.Profiler)
	p.StartCounting()
	b := run(d)
	return outcome{Bytes: b, Counters: p.StopCounting()}
}

func bytesOf[T emutest.Element](b *emutest.Buffer[T]) []byte {
	return slices.Clone(emutest.Bytes(b.Get()))
}

// TestSameOnAllCores: results and counters do not depend on the number of workers or on the run.
func TestSameOnAllCores(t *testing.T) {
	open := func(d *emutest.Device, file, name string) cuda.Function {
		return d.Function(emutest.KernelPath(kernelFolder, file), name)
	}
	for name, run := range map[string]func(d *emutest.Device) [][]byte{
		"noise": func(d *emutest.Device) [][]byte {
			const samples, elements = 8, 1000
			x, k := emutest.In(d, "x0", normals(random(60), samples*elements, 1)), emutest.In(d, "coefficients", normals(random(61), 2*samples, 1))
			xt, eps := emutest.Out[float32](d, "xt", samples*elements), emutest.Out[float32](d, "eps", samples*elements)
			spec := emutest.Grid1(elements/4, 64)
			spec.Grid.Y = samples
			d.Run(open(d, "noise", "noise"), spec, int32(elements), x, k, seed2([2]uint32{1, 2}), uint32(3), uint32(4), xt, eps)
			return [][]byte{bytesOf(xt), bytesOf(eps)}
		},
		"gemm with tensor cores": func(d *emutest.Device) [][]byte {
			const m, n, k = 200, 136, 64
			r := random(62)
			a := emutest.In(d, "A", make1(m*k, func(int) uint16 { return bf16(r.NormFloat64()) }))
			b := emutest.In(d, "B", make1(k*n, func(int) uint16 { return bf16(r.NormFloat64()) }))
			c := emutest.Out[float32](d, "C", m*n)
			spec := tiles2(n, m, 64, 64, cuda.Dim3{X: 128})
			spec.Shared = 3 * 8192
			d.Run(open(d, "gemm_bf16", "gemm_bf16"), spec, int32(m), int32(n), int32(k), a, b, c)
			return [][]byte{bytesOf(c)}
		},
		"integer atomics": func(d *emutest.Device) [][]byte {
			r := random(63)
			in, out := emutest.In(d, "x", make1(4000, func(int) uint8 { return uint8(r.Uint32()) })), emutest.InOut(d, "counts", make([]uint32, 256))
			d.Run(open(d, "histogram", "histogram"), emutest.Spec{Grid: cuda.Dim3{X: 9}, Block: cuda.Dim3{X: 64}}, int32(1000), in, out)
			return [][]byte{bytesOf(out)}
		},
		"float atomics": func(d *emutest.Device) [][]byte { // their order shows
			f, w, h := emutest.InOut(d, "f", []float32{1e6}), emutest.InOut(d, "d", []float64{0}), emutest.InOut(d, "h", []uint16{0, 0})
			returned := emutest.Out[float32](d, "returned", 512)
			d.Run(open(d, "atomics", "float_add"), emutest.Grid1(512, 64), f, w, h, returned)
			return [][]byte{bytesOf(f), bytesOf(w), bytesOf(h), bytesOf(returned)}
		},
		"tickets": func(d *emutest.Device) [][]byte {
			out, wide, ticket := emutest.InOut(d, "out", make([]uint32, 12)), emutest.InOut(d, "wide", make([]uint64, 6)), emutest.Out[uint32](d, "ticket", 960)
			d.Run(open(d, "atomics", "atomic_suite"), emutest.Spec{Grid: cuda.Dim3{X: 10}, Block: cuda.Dim3{X: 96}}, out, wide, ticket)
			return [][]byte{bytesOf(out), bytesOf(wide), bytesOf(ticket)}
		},
		"last block": func(d *emutest.Device) [][]byte {
			const n, blocks = 3000, 11
			x, y := emutest.In(d, "x", normals(random(64), n, 1)), emutest.In(d, "y", normals(random(65), n, 1))
			partials, counter, out := emutest.Out[float32](d, "partials", blocks), emutest.InOut(d, "counter", []uint32{0}), emutest.Out[float32](d, "out", 1)
			d.Run(open(d, "reduce_shared", "dot_last_block"), emutest.Spec{Grid: cuda.Dim3{X: blocks}, Block: cuda.Dim3{X: 256}}, int32(n), x, y, partials, counter, out)
			return [][]byte{bytesOf(partials), bytesOf(counter), bytesOf(out)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := observe(t, 1, run)
			if len(want.Counters) == 0 || want.Counters[0].Instructions.Warp.Load == 0 {
				t.Fatal("nothing was counted")
			}
			for _, workers := range []int{1, 2, 7} {
				if d := cmp.Diff(want, observe(t, workers, run)); d != "" {
					t.Errorf("%d workers differ from 1 (-1 +%d):\n%s", workers, workers, d)
				}
			}
		})
	}
}

// failing is a kernel in which blocks 5, 9 and 13 break a rule: the first of them after a long time, in its last threads.
const failing = `setp.lt.u32 %p1, %r3, 5; @%p1 bra WORK; and.b32 %r6, %r3, 3; setp.ne.u32 %p1, %r6, 1; @%p1 bra WORK;
setp.gt.u32 %p1, %r3, 5; @%p1 bra BAD;
mov.u32 %r7, 0;
LOOP: add.u32 %r7, %r7, 1; setp.lt.u32 %p2, %r7, 3000; @%p2 bra LOOP;
BAD: setp.lt.u32 %p3, %r2, 50; @%p3 bra WORK;
st.global.u32 [%rd5+1048576], %r2; //!
WORK: st.global.u32 [%rd5], %r5;`

// TestLowestFailingBlock: of several failing blocks the lowest is reported, at the same thread and address in every run, and
// memory holds the same bytes afterwards.
func TestLowestFailingBlock(t *testing.T) {
	var c checkCase
	text, line := c.source(failing)
	run := func(workers int) outcome {
		d := emutest.OpenProfile(t, "a100", emu.Workers(workers))
		m, err := d.LoadModule("failing.ptx", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		f, err := m.Function("k")
		if err != nil {
			t.Fatal(err)
		}
		x, y := emutest.In(d, "x", make([]uint32, 1024)), emutest.InOut(d, "y", make([]uint32, 1024))
		err = d.Try(f, emutest.Spec{Grid: cuda.Dim3{X: 16}, Block: cuda.Dim3{X: 64}}, x, y, uint32(0))
		var e *cuda.Error
		if !errors.As(err, &e) || e.Fault == nil {
			t.Fatalf("got %v, want a report", err)
		}
		if got, want := e.Fault, (cuda.Dim3{X: 5}); got.Block != want || got.Thread != (cuda.Dim3{X: 50}) || got.PTXLine != line || got.Check != cuda.OutOfBounds {
			t.Errorf("%d workers: block %v, thread %v, line %d; want block 5, thread 50, line %d", workers, got.Block, got.Thread, got.PTXLine, line)
		}
		return outcome{Bytes: [][]byte{bytesOf(y)}, Err: err.Error()}
	}
	want := run(1)
	for i := range 12 {
		workers := 1 + i%4
		if d := cmp.Diff(want, run(workers)); d != "" {
			t.Fatalf("run %d with %d workers differs (-1 worker +%d workers):\n%s", i, workers, workers, d)
		}
	}
}

// TestRaceIsRepeatable: a race between blocks that different workers run is reported as the one that the order of blocks shows.
func TestRaceIsRepeatable(t *testing.T) {
	var c checkCase
	text, line := c.source("setp.lt.u32 %p1, %r3, 12; @%p1 ret;\nst.global.u32 [%rd2+400], %r5; //!")
	for i := range 8 {
		d := emutest.OpenProfile(t, "a100", emu.Workers(1+i%4))
		m, err := d.LoadModule("race.ptx", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		f, err := m.Function("k")
		if err != nil {
			t.Fatal(err)
		}
		x, y := emutest.In(d, "x", make([]uint32, 1024)), emutest.InOut(d, "y", make([]uint32, 1024))
		err = d.Try(f, emutest.Spec{Grid: cuda.Dim3{X: 16}, Block: cuda.Dim3{X: 64}}, x, y, uint32(0))
		var e *cuda.Error
		if !errors.As(err, &e) || e.Fault == nil || e.Fault.Check != cuda.GlobalRace || e.Fault.Block.X != 13 || e.Fault.PTXLine != line {
			t.Fatalf("run %d: got %v, want a race of block 13 at line %d", i, err, line)
		}
	}
}
