package exec_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/kernels"
	_ "github.com/unnoise/unnoise/kernels/all" // register
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/rng"
)

func device(t testing.TB) *exec.Device {
	t.Helper()
	d, err := emu.Open("")
	if err != nil {
		t.Fatal(err)
	}
	m, err := exec.NewDevice(d, exec.DeviceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// counting is a device that counts allocations.
type counting struct {
	cuda.Device
	allocations int
}

func (c *counting) Alloc(n int64, label string) (cuda.Memory, error) {
	c.allocations++
	return c.Device.Alloc(n, label)
}

func (c *counting) AllocHost(n int64) (cuda.HostMemory, error) {
	c.allocations++
	return c.Device.AllocHost(n)
}

// TestDeviceReplay runs programs again and again with changing scalars and inputs, without waiting in between: no allocation is made
// after the first run, more runs than state slots are queued, and a larger program moves the arena under a captured one.
func TestDeviceReplay(t *testing.T) {
	d, err := emu.Open("")
	if err != nil {
		t.Fatal(err)
	}
	counted := &counting{Device: d}
	m, err := exec.NewDevice(counted, exec.DeviceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	program := func(n int, name string) exec.LoadedProgram {
		g := graph.New()
		s := kernels.Dense(kernels.F32, n, 1, 1, 3)
		z := kernels.Emit1(g, rng.NormalDraw{N: n, H: 1, W: 1, C: 3, Stream: 5})
		sum := g.Persistent("sum"+name, s)
		y := add(g, z, g.Input("x", s))
		y = kernels.Emit1(g, elementwise.Scale{Factor: 0.5}, y)
		g.Assign(sum, add(g, y, sum), false)
		g.Output("y", y)
		p, err := g.Compile(name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := m.Load(p)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	small := program(5, "small")
	want := make([]float32, 15)
	x := make([]float32, 15)
	once := func(step int) {
		state := kernels.StepState{Seed: 3, Step: uint32(step)}
		for i := range x {
			x[i] = float32(step + i)
		}
		if err := small.Set("x", x); err != nil {
			t.Fatal(err)
		}
		if err := small.Run(&state); err != nil {
			t.Fatal(err)
		}
		for n := range 5 {
			var z [3]float32
			rng.FillNormal(z[:], 3, uint32(n), uint32(step), 5)
			for c := range z {
				want[n*3+c] += 0.5 * (z[c] + x[n*3+c])
			}
		}
	}
	once(0)
	before := counted.allocations
	for step := 1; step < 150; step++ {
		once(step)
	}
	if counted.allocations != before {
		t.Errorf("%d allocations after the first run", counted.allocations-before)
	}
	large := program(3000, "large")
	if err := large.Run(&kernels.StepState{}); err != nil {
		t.Fatal(err)
	}
	once(150)
	sum := make([]float32, 40)
	if err := m.Read("sumsmall", 0, sum); err != nil {
		t.Fatal(err)
	}
	for i, w := range want {
		if got := sum[i/3*8+i%3]; math.Abs(float64(got-w)) > 1e-4*(1+math.Abs(float64(w))) {
			t.Fatalf("element %d is %g, want %g", i, got, w)
		}
	}
	for _, r := range []exec.LoadedProgram{small, large} {
		if r.Memory() == 0 {
			t.Error("a program uses no memory")
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestDeviceNonFinite names the first tensor that is not finite.
func TestDeviceNonFinite(t *testing.T) {
	g := graph.New()
	x := g.Input("x", dense(1, 1, 1, 4))
	y := kernels.Emit1(g, elementwise.Scale{Factor: 3e38}, x)
	g.Output("y", kernels.Emit1(g, elementwise.Scale{Factor: 0.5}, y))
	p := compile(t, g)
	r, err := device(t).Load(p)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, c := range []struct {
		x    float32
		want string
	}{{1, ""}, {2, "step 0, operator scale"}} {
		if err := r.Set("x", []float32{c.x, 0, 0, 0}); err != nil {
			t.Fatal(err)
		}
		name, err := r.FirstNonFinite(&kernels.StepState{})
		if err != nil || !strings.Contains(name, c.want) || (name == "") != (c.want == "") {
			t.Errorf("x = %g: %q, %v", c.x, name, err)
		}
	}
}

// TestDeviceMistakes: wrong names, types and lengths are refused.
func TestDeviceMistakes(t *testing.T) {
	m := device(t)
	if err := m.Persistent("a", dense(1, 1, 1, 4)); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"another spec":  m.Persistent("a", dense(1, 1, 1, 5)),
		"unknown":       m.Write("b", 0, make([]float32, 1)),
		"outside":       m.Read("a", 7, make([]float32, 2)),
		"wrong type":    m.WriteInts("a", 0, make([]int32, 1)),
		"negative":      m.Write("a", -1, make([]float32, 1)),
		"ints of float": m.ReadInts("a", 0, make([]int32, 1)),
	} {
		if err == nil {
			t.Errorf("%s is not refused", name)
		}
	}
}

// TestPersistentWhileRunning declares persistent buffers while a program that uses some is recorded, captured, run and searched. The race
// detector shows a read of the executor's buffers without its lock.
func TestPersistentWhileRunning(t *testing.T) {
	m := device(t)
	g := graph.New()
	x := g.Persistent("x", dense(1, 1, 1, 8))
	g.Assign(g.Persistent("y", dense(1, 1, 1, 8)), kernels.Emit1(g, elementwise.Scale{Factor: 2}, x), false)
	p := compile(t, g)
	stop, declared := make(chan struct{}), make(chan error)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				declared <- nil
				return
			default:
			}
			if err := m.Persistent(fmt.Sprintf("other %d", i), dense(1, 1, 1, 8)); err != nil {
				declared <- err
				return
			}
		}
	}()
	for i := range 20 {
		r, err := m.Load(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Run(&kernels.StepState{}); err != nil {
			t.Fatal(err)
		}
		if bad, err := r.FirstNonFinite(&kernels.StepState{}); bad != "" || err != nil {
			t.Fatalf("run %d: %q, %v", i, bad, err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	if err := <-declared; err != nil {
		t.Error(err)
	}
}
