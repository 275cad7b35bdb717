package emu

import (
	"fmt"
	"strings"

	"github.com/unnoise/unnoise/cuda"
)

// moduleHandle implements cuda.Module, kernel cuda.Function.
type moduleHandle struct{ m *module }

type kernel struct {
	f          *function
	maxDynamic int // as set; 0: not set
}

func (d *device) LoadModule(name string, text []byte) (cuda.Module, error) {
	if err := d.begin("LoadModule"); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	m, err := d.load(name, text)
	if err != nil {
		return nil, err
	}
	d.modules = append(d.modules, m)
	return moduleHandle{m}, nil
}

func (h moduleHandle) Function(name string) (cuda.Function, error) {
	m := h.m
	m.dev.mu.Lock()
	defer m.dev.mu.Unlock()
	if m.closed {
		return nil, &cuda.Error{Code: cuda.InvalidHandle, Call: "Function", Detail: fmt.Sprintf("module %s is closed", m.name)}
	}
	if k := m.handles[name]; k != nil {
		return k, nil
	}
	f := m.byFunc[m.ast.Func(name)]
	if f == nil || !f.ast.Entry {
		return nil, &cuda.Error{Code: cuda.NotFound, Call: "Function", Kernel: name,
			Detail: fmt.Sprintf("module %s has %s", m.name, strings.Join(m.entries(), ", "))}
	}
	k := &kernel{f: f}
	f.kernel = k
	m.handles[name] = k
	return k, nil
}

func (h moduleHandle) Global(name string) (cuda.DevicePtr, int64, error) {
	m := h.m
	m.dev.mu.Lock()
	defer m.dev.mu.Unlock()
	if v := m.ast.Var(name); v != nil && !m.closed {
		if a := m.vars[v]; a != nil {
			return cuda.DevicePtr(a.base), v.Size, nil
		}
	}
	return 0, 0, &cuda.Error{Code: cuda.NotFound, Call: "Global", Detail: fmt.Sprintf("module %s has no .global or .const variable %s", m.name, name)}
}

func (h moduleHandle) Close() error {
	m := h.m
	m.dev.mu.Lock()
	defer m.dev.mu.Unlock()
	if !m.closed {
		m.release()
		m.dev.modules = remove(m.dev.modules, m)
	}
	return nil
}

func (k *kernel) Name() string { return k.f.ast.Name }

// maxThreads is the largest block that the kernel allows.
func (f *function) maxThreads(p *cuda.Props) int {
	n := p.MaxThreadsPerBlock
	for _, d := range [][3]int{f.ast.MaxThreads, f.ast.ReqThreads} {
		if d[0] > 0 {
			n = min(n, d[0]*max(d[1], 1)*max(d[2], 1))
		}
	}
	return n
}

// maxDynamic is how much dynamic shared memory a launch may ask for.
func (f *function) maxDynamic(p *cuda.Props) int {
	if f.kernel != nil && f.kernel.maxDynamic > 0 {
		return f.kernel.maxDynamic
	}
	return max(0, p.SharedPerBlock-int(f.sharedBytes))
}

func (k *kernel) Attributes() cuda.FuncAttributes {
	m := k.f.mod
	m.dev.mu.Lock()
	defer m.dev.mu.Unlock()
	return cuda.FuncAttributes{
		Registers: k.f.registerEstimate(), StaticShared: int(k.f.sharedBytes), LocalBytes: int(k.f.stackBytes), ConstBytes: m.constBytes(),
		MaxThreadsPerBlock: k.f.maxThreads(&m.dev.props), MaxDynamicShared: k.f.maxDynamic(&m.dev.props), PTXVersion: 10*m.ast.Major + m.ast.Minor,
	}
}

func (m *module) constBytes() int {
	n := 0
	for v, a := range m.vars {
		if a.readOnly {
			n += int(v.Size)
		}
	}
	return n
}

// registerEstimate guesses what ptxas would allocate: the widest set of registers that are alive at once, within the limits
// that the kernel's directives set.
func (f *function) registerEstimate() int {
	if f.pressure == 0 && len(f.ast.Blocks) > 0 {
		d := &decoder{f: f, regs: f.regs}
		f.pressure = d.pressure()
	}
	n := min(max(f.pressure+8, 16), 255)
	if f.ast.MaxRegs > 0 {
		n = min(n, f.ast.MaxRegs)
	}
	if t := f.maxThreads(&f.mod.dev.props); t > 0 {
		n = min(n, f.mod.dev.props.RegistersPerSM/t)
	}
	return n
}

func (k *kernel) SetMaxDynamicShared(n int) error {
	m := k.f.mod
	m.dev.mu.Lock()
	defer m.dev.mu.Unlock()
	if limit := m.dev.props.SharedOptIn - int(k.f.sharedBytes); n < 0 || n > limit {
		return &cuda.Error{Code: cuda.InvalidValue, Call: "SetMaxDynamicShared", Kernel: k.Name(),
			Detail: fmt.Sprintf("%d bytes; with %d static, the device allows %d", n, k.f.sharedBytes, limit)}
	}
	k.maxDynamic = n
	return nil
}

func (k *kernel) Occupancy(blockThreads, dynamicShared int) (int, error) {
	m := k.f.mod
	m.dev.mu.Lock()
	defer m.dev.mu.Unlock()
	p := &m.dev.props
	if blockThreads <= 0 || dynamicShared < 0 {
		return 0, &cuda.Error{Code: cuda.InvalidValue, Call: "Occupancy", Kernel: k.Name(), Detail: fmt.Sprintf("%d threads, %d bytes", blockThreads, dynamicShared)}
	}
	shared := int(k.f.sharedBytes) + dynamicShared
	if blockThreads > k.f.maxThreads(p) || shared > p.SharedOptIn {
		return 0, nil
	}
	warps := (blockThreads + warpSize - 1) / warpSize
	n := min(p.MaxBlocksPerSM, p.MaxThreadsPerSM/(warps*warpSize))
	n = min(n, p.SharedPerSM/(shared+p.SharedReserved))
	perWarp := (k.f.registerEstimate()*warpSize + 255) &^ 255
	return min(n, p.RegistersPerSM/(perWarp*warps)), nil
}

// faultError turns a report into the device's error.
func faultError(f *fault) error {
	code := cuda.CheckFailed
	switch f.Check {
	case cuda.OutOfBounds, cuda.UseAfterFree:
		code = cuda.IllegalAddress
	case cuda.Misaligned:
		code = cuda.MisalignedAddress
	case cuda.Trap:
		code = cuda.LaunchFailed
	case cuda.DeviceAssert:
		code = cuda.Assert
	case cuda.StepBudget:
		code = cuda.LaunchTimeout
	case cuda.IllegalForTarget:
		code = cuda.IllegalInstruction
	}
	return &cuda.Error{Code: code, Call: "Launch", Kernel: f.Kernel, Fault: f}
}
