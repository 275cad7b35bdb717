package devicebench

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/train"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// call is an operator call of a program, with how often a step makes it.
type call struct {
	step  graph.Step
	count int
}

// distinct lists the different calls of programs in order: same operator, same attributes, same shapes.
func distinct(programs ...*graph.Program) []*call {
	var list []*call
	seen := map[string]*call{}
	for _, p := range programs {
		for _, s := range p.Steps {
			key := fmt.Sprintf("%s %s %s %s", s.Op.Name(), kernels.Attributes(s.Op), shapes(s.In), shapes(s.Out))
			if c := seen[key]; c != nil {
				c.count++
				continue
			}
			seen[key] = &call{s, 1}
			list = append(list, seen[key])
		}
	}
	return list
}

func shapes(refs []graph.Ref) string {
	var list []string
	for _, r := range refs {
		if r.Buffer < 0 {
			list = append(list, "-")
			continue
		}
		list = append(list, r.Spec.String())
	}
	return strings.Join(list, " ")
}

// programs builds those of a preset's training step.
func (o Options) programs() (train.Programs, error) {
	set := append([]string{"train.micro_batches=1"}, o.Set...)
	if o.Batch > 0 {
		set = append(set, fmt.Sprintf("train.micro_batch=%d", o.Batch))
	}
	r, err := recipe.Preset(o.Preset, set)
	if err != nil {
		return train.Programs{}, err
	}
	p := train.Programs{Recipe: r}
	if p.Model, err = r.NewModel(); err != nil {
		return p, err
	}
	p.Model.DType = o.DType
	return p, nil
}

// memory is the operands of a call, several times where it is measured cold.
type memory struct {
	dev  cuda.Device
	list []cuda.Memory
	size int64
}

func (m *memory) close() {
	for _, x := range m.list {
		_ = x.Close() // all work has been waited for
	}
}

// place allocates and fills the operands of a call once and returns it bound to them.
func (m *memory) place(s graph.Step, state *kernels.StepState) (*kernels.Call, error) {
	c := &kernels.Call{Op: s.Op, State: state}
	type key struct{ buffer, offset int }
	placed := map[key]uint64{}
	bind := func(r graph.Ref) (*kernels.Operand, error) {
		if r.Buffer < 0 {
			return nil, nil
		}
		k := key{r.Buffer, r.Offset}
		if _, ok := placed[k]; !ok {
			at, err := m.alloc(r.Spec)
			if err != nil {
				return nil, err
			}
			placed[k] = at
		}
		return &kernels.Operand{Spec: r.Spec, Name: s.Op.Name(), Accumulate: r.Accumulate, Addr: placed[k]}, nil
	}
	for _, r := range s.In {
		o, err := bind(r)
		if err != nil {
			return nil, err
		}
		c.In = append(c.In, o)
	}
	for _, r := range s.Out {
		o, err := bind(r)
		if err != nil {
			return nil, err
		}
		c.Out = append(c.Out, o)
	}
	return c, nil
}

// alloc returns filled memory for a tensor: uniform numbers in [0, 1), so that variances are positive; integers are 0.
func (m *memory) alloc(s kernels.Spec) (uint64, error) {
	n := int64(s.Span()) * int64(s.DType.Size())
	mem, err := m.dev.Alloc(n, s.String())
	if err != nil {
		return 0, err
	}
	m.list = append(m.list, mem)
	m.size += n
	if s.DType == kernels.I32 {
		return uint64(mem.Ptr()), m.dev.Memset(mem.Ptr(), 0, n)
	}
	block := randomBytes(s.DType, min(n, 1<<20))
	for at := int64(0); at < n; at += int64(len(block)) {
		if err := m.dev.CopyToDevice(mem.Ptr()+cuda.DevicePtr(at), block[:min(int64(len(block)), n-at)]); err != nil {
			return 0, err
		}
	}
	return uint64(mem.Ptr()), nil
}

// randomBytes is n bytes of uniform numbers.
func randomBytes(d kernels.DType, n int64) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	values := make([]float32, int(n)/d.Size())
	for i := range values {
		values[i] = r.Float32()
	}
	return gpu.Encode(d, values)
}

// record prepares the launches of a bound call, its scratch memory included.
func (m *memory) record(q *gpu.Queue, v *kernels.Variant, c *kernels.Call) ([]gpu.Recorded, error) {
	if n := v.Kernel.Workspace(c, q.Library.Props()); n > 0 {
		elements := int((n + 3) / 4)
		mem, err := m.dev.Alloc(4*int64(elements), "scratch")
		if err != nil {
			return nil, err
		}
		m.list = append(m.list, mem)
		c.Scratch = &kernels.Operand{Name: "scratch", Addr: uint64(mem.Ptr()),
			Spec: kernels.Spec{DType: kernels.F32, N: 1, H: 1, W: 1, C: elements, Pitch: elements}}
	}
	return q.Record(v.Kernel, c, c.Op.Name())
}
