package emu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/ptx"
)

// module is loaded PTX.
type module struct {
	dev    *device
	name   string
	ast    *ptx.Module
	target int
	funcs  []*function
	byFunc map[*ptx.Func]*function
	vars   map[*ptx.Var]*allocation // .global and .const
	closed bool

	sharedVars []*ptx.Var // with places in sharedOff
	sharedOff  map[*ptx.Var]int64
	sharedTop  int64 // end of the module-level shared variables
	handles    map[string]*kernel
}

// maxVersion is the newest PTX ISA that modules may be written for, 10*major + minor.
const maxVersion = 84

// functionStep is the distance of the addresses of two functions.
const functionStep = 16

func loadError(err error) error {
	code := cuda.InvalidPTX
	var te *targetError
	if errors.As(err, &te) {
		code = cuda.IllegalInstruction
	}
	return &cuda.Error{Code: code, Call: "LoadModule", Err: err}
}

// load compiles PTX text for the device.
func (d *device) load(name string, text []byte) (_ *module, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = loadError(fmt.Errorf("%s: internal error of the emulator: %v", name, r))
		}
	}()
	tree, err := ptx.Parse(name, text)
	if err != nil {
		return nil, &cuda.Error{Code: cuda.InvalidPTX, Call: "LoadModule", Err: err}
	}
	if v := 10*tree.Major + tree.Minor; v > maxVersion {
		return nil, &cuda.Error{Code: cuda.UnsupportedPTXVersion, Call: "LoadModule", Detail: fmt.Sprintf("%s has version %d.%d, the emulator reads up to %d.%d",
			name, tree.Major, tree.Minor, maxVersion/10, maxVersion%10)}
	}
	m := &module{dev: d, name: name, ast: tree, byFunc: map[*ptx.Func]*function{}, vars: map[*ptx.Var]*allocation{},
		sharedOff: map[*ptx.Var]int64{}, handles: map[string]*kernel{}}
	if m.target, err = targetOf(tree.Target, d.props.SM()); err != nil {
		return nil, &cuda.Error{Code: cuda.NoBinaryForGPU, Call: "LoadModule", Detail: name, Err: err}
	}
	if err := m.placeVars(); err != nil {
		m.release()
		return nil, loadError(err)
	}
	for _, f := range tree.Funcs {
		if f.Defined {
			fn := &function{id: len(m.funcs), mod: m, ast: f}
			m.funcs = append(m.funcs, fn)
			m.byFunc[f] = fn
		}
	}
	for _, fn := range m.funcs {
		if err := decode(fn); err != nil {
			m.release()
			return nil, loadError(err)
		}
	}
	for _, fn := range m.funcs {
		if fn.ast.Entry {
			fn.gather()
		}
	}
	if err := m.initVars(); err != nil {
		m.release()
		return nil, loadError(err)
	}
	return m, nil
}

// targetOf reads a target like sm_80 or sm_90a and compares it with the device.
func targetOf(target string, sm int) (int, error) {
	var n int
	if _, err := fmt.Sscanf(target, "sm_%d", &n); err != nil {
		return 0, fmt.Errorf("target %q is not of the form sm_NN", target)
	}
	if last := target[len(target)-1]; last == 'a' && n != sm || n > sm {
		return 0, fmt.Errorf("the module is for %s, the device is sm_%d", target, sm)
	}
	return n, nil
}

// placeVars allocates the module's variables and lays out its shared ones.
func (m *module) placeVars() error {
	for _, v := range m.ast.Vars {
		switch v.Space {
		case ptx.Global, ptx.Const:
			if v.Linkage == ptx.Extern {
				return fmt.Errorf("%s:%d: extern variable %s is not defined", m.name, v.Pos.Line, v.Name)
			}
			a, err := m.dev.mem.alloc(max(v.Size, 1), v.Name)
			if err != nil {
				return err
			}
			a.variable, a.readOnly = true, v.Space == ptx.Const
			m.vars[v] = a
		case ptx.Shared:
			if err := m.placeShared(v, &m.sharedTop); err != nil {
				return err
			}
		}
	}
	return nil
}

// placeShared gives a shared variable the next place after top; unsized ones are the dynamic part, placed at launch.
func (m *module) placeShared(v *ptx.Var, top *int64) error {
	if v.Unsized {
		return nil
	}
	align := max(v.Align, 1)
	at := (*top + align - 1) / align * align
	if v.Size < 0 || v.Size > int64(m.dev.props.SharedOptIn)-at {
		return fmt.Errorf("%s:%d: shared variable %s of %d bytes does not fit the %d bytes of a block", m.name, v.Pos.Line, v.Name, v.Size, m.dev.props.SharedOptIn)
	}
	m.sharedOff[v] = at
	m.sharedVars = append(m.sharedVars, v)
	*top = at + v.Size
	return nil
}

// initVars writes the initial values, once every function has an address.
func (m *module) initVars() error {
	for _, v := range m.ast.Vars {
		a := m.vars[v]
		if a == nil {
			continue
		}
		copy(a.data, v.Init)
		fill(a.init[:a.size], defined)
		for _, r := range v.Relocs {
			var at uint64
			switch {
			case r.Func != nil && m.byFunc[r.Func] != nil:
				at = m.byFunc[r.Func].address()
			case r.Var != nil && m.vars[r.Var] != nil:
				at = m.vars[r.Var].base + uint64(r.Addend)
			default:
				return fmt.Errorf("%s:%d: initial value of %s is the address of a symbol that has none", m.name, r.Pos.Line, v.Name)
			}
			if r.Size != 8 || r.Offset < 0 || r.Offset+8 > v.Size {
				return fmt.Errorf("%s:%d: initial value of %s: an address of %d bytes at %d", m.name, r.Pos.Line, v.Name, r.Size, r.Offset)
			}
			binary.LittleEndian.PutUint64(a.data[r.Offset:], at)
		}
	}
	return nil
}

// address is what mov gives for the function's name.
func (f *function) address() uint64 { return funcBase + uint64(f.id+1)*functionStep }

// functionAt returns the function at an address, or nil.
func (m *module) functionAt(addr uint64) *function {
	i := (addr - funcBase) / functionStep
	if addr <= funcBase || addr%functionStep != 0 || i > uint64(len(m.funcs)) {
		return nil
	}
	return m.funcs[i-1]
}

func (m *module) owns(a *allocation) bool {
	for _, o := range m.vars {
		if o == a {
			return true
		}
	}
	return false
}

// release frees the module's variables.
func (m *module) release() {
	m.closed = true
	for _, a := range m.vars {
		m.dev.mem.free(a)
	}
}

// gather adds up what an entry and the functions it may call need.
func (f *function) gather() {
	seen := map[*function]bool{}
	var visit func(g *function)
	visit = func(g *function) {
		if seen[g] {
			return
		}
		seen[g] = true
		f.ordered = f.ordered || g.ordered
		f.asyncCopies = f.asyncCopies || g.asyncCopies
		f.sharedShift = min(f.sharedShift, g.sharedShift)
		f.globalShift = min(f.globalShift, g.globalShift)
		f.usesShared = f.usesShared || g.usesShared
		for _, c := range g.callees {
			visit(c)
		}
		if g.indirectCalls {
			for _, c := range f.mod.funcs {
				if !c.ast.Entry {
					visit(c)
				}
			}
		}
	}
	visit(f)
	top := f.ownShared
	if f.usesShared {
		top = max(top, f.mod.sharedTop)
	}
	f.sharedBytes = (top + 15) &^ 15
	f.dynamicAt = f.sharedBytes
	for _, v := range f.mod.ast.Vars {
		if v.Space == ptx.Shared && v.Unsized && v.Align > 16 {
			f.dynamicAt = max(f.dynamicAt, (top+v.Align-1)/v.Align*v.Align)
		}
	}
	for g := range seen {
		f.stackBytes = max(f.stackBytes, g.localBytes)
		f.reach = append(f.reach, g)
	}
	slices.SortFunc(f.reach, func(a, b *function) int { return a.id - b.id })
}

// entries lists the kernels by name.
func (m *module) entries() []string {
	var names []string
	for _, f := range m.funcs {
		if f.ast.Entry {
			names = append(names, f.ast.Name)
		}
	}
	slices.Sort(names)
	return names
}
