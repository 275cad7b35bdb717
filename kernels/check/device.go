package check

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

const (
	guardBytes = 256  // before and after every device buffer
	guardByte  = 0xA5 // what guards and pads hold
)

// Device checks CUDA variants on a device, a GPU or the emulator.
type Device struct {
	lib   *gpu.Library
	queue *gpu.Queue
	state cuda.Memory
}

// OnDevice returns a checker that runs the kernels that ship on a device. Close it before the device.
func OnDevice(dev cuda.Device) (*Device, error) { return NewDevice(gpu.NewLibrary(dev)) }

// NewDevice returns a checker that runs the kernels of a library. Close it before the device.
func NewDevice(lib *gpu.Library) (*Device, error) {
	s, err := lib.Device.NewStream()
	if err != nil {
		return nil, err
	}
	m, err := lib.Device.Alloc(gpu.StateBytes, "state")
	if err != nil {
		return nil, err
	}
	return &Device{lib: lib, state: m, queue: &gpu.Queue{Library: lib, Stream: s, State: m.Ptr()}}, nil
}

// Close releases what NewDevice made.
func (d *Device) Close() error {
	err := d.queue.Stream.Close()
	if e := d.state.Close(); err == nil {
		err = e
	}
	return err
}

// Verify runs a CUDA variant on a case, twice, and compares the result with the float64 reference: both runs must agree in
// every bit, guard bands, pads and inputs must stay as they were. Unsupported calls return false in the second value.
func (d *Device) Verify(cs kernels.Case, v *kernels.Variant) (Result, bool) {
	return d.VerifyExpected(Expect(cs), v)
}

// VerifyExpected is Verify for one of several variants of a case: the reference runs once for all of them.
func (d *Device) VerifyExpected(e *Expected, v *kernels.Variant) (Result, bool) {
	cs := e.Case
	res := Result{Op: cs.Op.Name(), Case: cs.Name, DType: CaseType(cs), Variant: fmt.Sprintf("%s/%d", v.Backend, v.Number), Name: v.Name}
	for _, accumulate := range []bool{false, true} {
		if _, ok := cs.Op.(kernels.AccumulatingOperator); accumulate && !ok {
			break
		}
		supported, err := d.verify(e, v, accumulate, &res)
		if !supported {
			res.Error = err.Error()
			return res, false
		}
		if err != nil {
			res.Error = err.Error()
			return res, true
		}
	}
	res.OK = true
	return res, true
}

// CaseType is bf16 where any operand is.
func CaseType(cs kernels.Case) string {
	for _, in := range cs.In {
		if in.Spec != nil && in.Spec.DType == kernels.BF16 {
			return kernels.BF16.String()
		}
	}
	return kernels.F32.String()
}

func (d *Device) verify(e *Expected, v *kernels.Variant, accumulate bool, res *Result) (supported bool, err error) {
	got, err := Operands(e.Case, Single, accumulate)
	if err != nil {
		return true, err
	}
	res.Shape = shapes(got)
	b, err := d.bind(got)
	if err != nil {
		return true, err
	}
	defer b.close()
	if err := v.Kernel.Supports(b.call, d.lib.Props()); err != nil {
		return false, err
	}
	want, err := e.reference(accumulate)
	if err != nil {
		return true, err
	}
	var first [][]byte
	for run := range 2 {
		if err := d.run(b, v); err != nil {
			return true, err
		}
		bits, err := b.download()
		if err != nil {
			return true, err
		}
		if run == 0 {
			first = bits
			continue
		}
		for i := range bits {
			if !bytes.Equal(bits[i], first[i]) {
				return true, fmt.Errorf("%s: a second run gives other bits", b.host[i].Name)
			}
		}
	}
	for i, o := range got.Out {
		if o == nil {
			continue
		}
		tol := kernels.ToleranceOf(got, i)
		res.TolAbs, res.TolRel = tol.Abs, tol.Rel
		if err := compare(o, want.Out[i], tol, res); err != nil {
			return true, err
		}
	}
	return true, nil
}

// Count runs a variant on a case and returns what its launches did; only on devices that count (cuda.Profiler).
func (d *Device) Count(cs kernels.Case, v *kernels.Variant) ([]cuda.LaunchCounters, error) {
	p, ok := d.lib.Device.(cuda.Profiler)
	if !ok {
		return nil, fmt.Errorf("device %s does not count accesses: use the emulator", d.lib.Device.Props().ID)
	}
	call, err := Operands(cs, Single, false)
	if err != nil {
		return nil, err
	}
	b, err := d.bind(call)
	if err != nil {
		return nil, err
	}
	defer b.close()
	if err := v.Kernel.Supports(b.call, d.lib.Props()); err != nil {
		return nil, err
	}
	p.StartCounting()
	err = d.run(b, v)
	return p.StopCounting(), err
}

// run writes the operands' first contents and the state, runs the call and waits.
func (d *Device) run(b *binding, v *kernels.Variant) error {
	if err := b.upload(); err != nil {
		return err
	}
	state := gpu.NewState(b.call.State)
	buf := make([]byte, gpu.StateBytes)
	state.Put(buf)
	if err := d.lib.Device.CopyToDevice(d.state.Ptr(), buf); err != nil {
		return err
	}
	b.call.Scratch = nil
	if n := v.Kernel.Workspace(b.call, d.lib.Props()); n > 0 {
		elements := int((n + 3) / 4)
		m, err := d.lib.Device.Alloc(4*int64(elements), "scratch")
		if err != nil {
			return err
		}
		defer m.Close()
		b.call.Scratch = &kernels.Operand{Name: "scratch", Addr: uint64(m.Ptr()),
			Spec: kernels.Spec{DType: kernels.F32, N: 1, H: 1, W: 1, C: elements, Pitch: elements}}
	}
	if err := d.queue.Run(v.Kernel, b.call, v.Backend); err != nil {
		return err
	}
	return d.queue.Stream.Synchronize()
}

// binding is a host call with its image in device memory.
type binding struct {
	dev    cuda.Device
	call   *kernels.Call // on the device
	host   []*kernels.Operand
	output []bool
	image  [][]byte // first contents, guards included
	memory []cuda.Memory
}

func (d *Device) bind(c *kernels.Call) (*binding, error) {
	b := &binding{dev: d.lib.Device, call: &kernels.Call{Op: c.Op, State: c.State}}
	place := func(o *kernels.Operand, out bool) (*kernels.Operand, error) {
		if o == nil {
			return nil, nil
		}
		i := slices.Index(b.host, o)
		if i < 0 {
			image := encode(o)
			m, err := d.lib.Device.Alloc(int64(len(image)), o.Name)
			if err != nil {
				return nil, err
			}
			i = len(b.host)
			b.host, b.image, b.memory, b.output = append(b.host, o), append(b.image, image), append(b.memory, m), append(b.output, false)
		}
		b.output[i] = b.output[i] || out
		return &kernels.Operand{Spec: o.Spec, Name: o.Name, Accumulate: o.Accumulate, Addr: uint64(b.memory[i].Ptr()) + guardBytes}, nil
	}
	for k, list := range [2][]*kernels.Operand{c.In, c.Out} {
		for _, o := range list {
			p, err := place(o, k == 1)
			if err != nil {
				b.close()
				return nil, err
			}
			if k == 0 {
				b.call.In = append(b.call.In, p)
			} else {
				b.call.Out = append(b.call.Out, p)
			}
		}
	}
	return b, nil
}

func (b *binding) close() {
	for _, m := range b.memory {
		_ = m.Close() // nothing is in flight after a synchronisation; after a fault the device is closed anyway
	}
}

func (b *binding) upload() error {
	for i, m := range b.memory {
		if err := b.dev.CopyToDevice(m.Ptr(), b.image[i]); err != nil {
			return err
		}
	}
	return nil
}

// download reads all operands back, checks what had to stay, decodes the outputs into the host operands and returns all bytes.
func (b *binding) download() ([][]byte, error) {
	all := make([][]byte, len(b.memory))
	for i, m := range b.memory {
		o := b.host[i]
		all[i] = make([]byte, len(b.image[i]))
		if err := b.dev.CopyToHost(all[i], m.Ptr()); err != nil {
			return nil, err
		}
		if !b.output[i] {
			if !bytes.Equal(all[i], b.image[i]) {
				return nil, fmt.Errorf("%s: an input is written to", o.Name)
			}
			continue
		}
		if err := guardBytesIntact(o, all[i]); err != nil {
			return nil, err
		}
		decode(o, all[i])
	}
	return all, nil
}

// encode lays an operand out as the device sees it, guards around it.
func encode(o *kernels.Operand) []byte {
	size := o.DType.Size()
	buf := bytes.Repeat([]byte{guardByte}, 2*guardBytes+o.Span()*size)
	le := binary.LittleEndian
	fill(o.Spec, func(_, lane int, logical bool) {
		at := guardBytes + lane*size
		switch {
		case !logical:
		case o.I32 != nil:
			le.PutUint32(buf[at:], uint32(o.I32[lane]))
		case o.DType == kernels.BF16:
			le.PutUint16(buf[at:], uint16(math.Float32bits(kernels.RoundBF16(o.F32[lane]))>>16))
		default:
			le.PutUint32(buf[at:], math.Float32bits(o.F32[lane]))
		}
	})
	return buf
}

// decode reads the logical elements back into the host operand.
func decode(o *kernels.Operand, buf []byte) {
	size := o.DType.Size()
	le := binary.LittleEndian
	fill(o.Spec, func(_, lane int, logical bool) {
		at := guardBytes + lane*size
		switch {
		case !logical:
		case o.I32 != nil:
			o.I32[lane] = int32(le.Uint32(buf[at:]))
		case o.DType == kernels.BF16:
			o.F32[lane] = math.Float32frombits(uint32(le.Uint16(buf[at:])) << 16)
		default:
			o.F32[lane] = math.Float32frombits(le.Uint32(buf[at:]))
		}
	})
}

// guardBytesIntact reports the first write outside the logical elements.
func guardBytesIntact(o *kernels.Operand, buf []byte) error {
	for i := range guardBytes {
		if buf[i] != guardByte {
			return fmt.Errorf("%s: written %d bytes before its start", o.Name, guardBytes-i)
		}
		if end := len(buf) - guardBytes + i; buf[end] != guardByte {
			return fmt.Errorf("%s: written %d bytes past its end", o.Name, i)
		}
	}
	size := o.DType.Size()
	var err error
	fill(o.Spec, func(_, lane int, logical bool) {
		for k := range size {
			if !logical && err == nil && buf[guardBytes+lane*size+k] != guardByte {
				err = fmt.Errorf("%s: pad lane written, row %d lane %d", o.Name, lane/o.Pitch, lane%o.Pitch)
			}
		}
	})
	return err
}
