package cuda

import (
	"fmt"
	"strings"
)

// Error is the only error type of this package and its implementations.
// errors.Is(err, cuda.OutOfMemory) tests the code.
type Error struct {
	Code   Code
	Call   string // the method, or the driver's function
	Kernel string // the kernel concerned, if any
	Detail string // what was found and what was expected
	Advice string // what to do about it
	Fault  *Fault // where a running kernel failed; nil otherwise
	Err    error  // the cause, if any
}

// Error gives everything but the code's number in one line.
func (e *Error) Error() string {
	var s strings.Builder
	s.WriteString(e.Call)
	if e.Kernel != "" {
		fmt.Fprintf(&s, " %s", e.Kernel)
	}
	if s.Len() > 0 {
		s.WriteString(": ")
	}
	s.WriteString(e.Code.Error())
	if e.Detail != "" {
		s.WriteString(": " + e.Detail)
	}
	if e.Fault != nil {
		s.WriteString(": " + e.Fault.String())
	}
	if e.Err != nil {
		s.WriteString(": " + e.Err.Error())
	}
	if e.Advice != "" {
		s.WriteString(" (" + e.Advice + ")")
	}
	return s.String()
}

// Unwrap gives the code and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Code}
	}
	return []error{e.Code, e.Err}
}

// Code says what went wrong. Values below 1000 are those of the driver's CUresult.
type Code int

// The codes that callers tell apart; a driver may return others.
const (
	InvalidValue             Code = 1
	OutOfMemory              Code = 2
	NotInitialized           Code = 3
	Deinitialized            Code = 4
	NoDriver                 Code = 34 // the toolkit's stub library was loaded
	DeviceUnavailable        Code = 46
	NoDevice                 Code = 100
	InvalidDevice            Code = 101
	InvalidImage             Code = 200
	InvalidContext           Code = 201
	NoBinaryForGPU           Code = 209
	InvalidPTX               Code = 218
	UnsupportedPTXVersion    Code = 222
	JITCompilationDisabled   Code = 223
	InvalidHandle            Code = 400
	IllegalState             Code = 401
	NotFound                 Code = 500
	NotReady                 Code = 600
	IllegalAddress           Code = 700
	LaunchOutOfResources     Code = 701
	LaunchTimeout            Code = 702
	Assert                   Code = 710
	IllegalInstruction       Code = 715
	MisalignedAddress        Code = 716
	InvalidAddressSpace      Code = 717
	LaunchFailed             Code = 719
	NotPermitted             Code = 800
	NotSupported             Code = 801
	SystemDriverMismatch     Code = 803
	SystemNotCompatible      Code = 804
	StreamCaptureUnsupported Code = 900
	StreamCaptureInvalidated Code = 901
	StreamCaptureUnmatched   Code = 903
	StreamCaptureUnjoined    Code = 904
	StreamCaptureIsolation   Code = 905
	StreamCaptureImplicit    Code = 906
	Unknown                  Code = 999

	// CheckFailed is a rule broken by a kernel that a GPU would not have
	// noticed: Error.Fault says which.
	CheckFailed Code = 10001
)

var codeText = map[Code]string{
	InvalidValue: "invalid value", OutOfMemory: "out of device memory", NotInitialized: "not initialised",
	Deinitialized: "device is closed", NoDriver: "no CUDA driver", DeviceUnavailable: "device is in use or unavailable",
	NoDevice: "no CUDA device", InvalidDevice: "no such device", InvalidImage: "invalid module image",
	InvalidContext: "invalid context", NoBinaryForGPU: "module has no code for this device", InvalidPTX: "invalid PTX",
	UnsupportedPTXVersion: "PTX version is newer than the driver", JITCompilationDisabled: "JIT compilation is disabled",
	InvalidHandle: "invalid handle", IllegalState: "illegal state", NotFound: "not found", NotReady: "not ready",
	IllegalAddress: "illegal address", LaunchOutOfResources: "launch needs more resources than the device has",
	LaunchTimeout: "kernel ran too long", Assert: "device assertion failed", IllegalInstruction: "illegal instruction",
	MisalignedAddress: "misaligned address", InvalidAddressSpace: "address in the wrong state space", LaunchFailed: "launch failed",
	NotPermitted: "not permitted", NotSupported: "not supported", SystemDriverMismatch: "driver and kernel module do not match",
	SystemNotCompatible: "driver does not support this device", StreamCaptureUnsupported: "not allowed while a stream is captured",
	StreamCaptureInvalidated: "capture was invalidated by an earlier error", StreamCaptureUnmatched: "capture was not begun on this stream",
	StreamCaptureUnjoined: "captured streams were not joined", StreamCaptureIsolation: "captured work depends on work outside the capture",
	StreamCaptureImplicit: "synchronous call while a stream is captured", Unknown: "unknown error", CheckFailed: "check failed",
}

// Error is the meaning of the code.
func (c Code) Error() string {
	if s, ok := codeText[c]; ok {
		return s
	}
	return fmt.Sprintf("CUDA error %d", int(c))
}
