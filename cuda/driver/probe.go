//go:build cuda && cgo

package driver

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/unnoise/unnoise/cuda"
)

// probeText stores a number that depends on the argument: the smallest kernel that shows compiling, loading, launching and reading.
const probeText = `.version 7.0
.target sm_80
.address_size 64
.visible .entry unnoise_probe(.param .u64 out, .param .u32 x)
{
	.reg .b32 %r<3>;
	.reg .b64 %d<3>;
	ld.param.u64 %d1, [out];
	ld.param.u32 %r1, [x];
	cvta.to.global.u64 %d2, %d1;
	mad.lo.u32 %r2, %r1, 3, 1;
	st.global.u32 [%d2], %r2;
	ret;
}
`

const probeArgument = 0x01020304

// probe compiles and runs a kernel.
func (d *device) probe() error {
	got, err := d.runProbe()
	if err == nil && got != 3*probeArgument+1 {
		err = &cuda.Error{Code: cuda.Unknown, Detail: fmt.Sprintf("a test kernel answered %d, not %d", got, 3*probeArgument+1),
			Advice: "the GPU or its driver does not compute correctly: see dmesg for lines of NVRM or Xid"}
	}
	var e *cuda.Error
	if errors.As(err, &e) {
		e.Call = "Open: load probe"
	}
	return err
}

func (d *device) runProbe() (uint32, error) {
	m, err := d.LoadModule("probe.ptx", []byte(probeText))
	if err != nil {
		return 0, err
	}
	defer m.Close()
	f, err := m.Function("unnoise_probe")
	if err != nil {
		return 0, err
	}
	out, err := d.Alloc(4, "load probe")
	if err != nil {
		return 0, err
	}
	defer out.Close()
	s, err := d.NewStream()
	if err != nil {
		return 0, err
	}
	defer s.Close()
	if err := s.Launch(f, cuda.Launch{Args: []any{out.Ptr(), uint32(probeArgument)}}); err != nil {
		return 0, err
	}
	if err := s.Synchronize(); err != nil {
		return 0, err
	}
	var b [4]byte
	if err := d.CopyToHost(b[:], out.Ptr()); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b[:]), nil
}
