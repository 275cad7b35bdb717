//go:build cuda && cgo

package driver

//#include "calls.h"
import "C"

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/unnoise/unnoise/cuda"
)

// Codes that package cuda does not name.
const (
	jitCompilerNotFound cuda.Code = 221
	eccUncorrectable    cuda.Code = 214
	contained           cuda.Code = 226
	hardwareStack       cuda.Code = 714
	invalidPC           cuda.Code = 718
)

// sticky are the errors after which every call on the context fails.
var sticky = map[cuda.Code]bool{
	eccUncorrectable: true, contained: true, cuda.IllegalAddress: true, cuda.LaunchTimeout: true, cuda.Assert: true, hardwareStack: true,
	cuda.IllegalInstruction: true, cuda.MisalignedAddress: true, cuda.InvalidAddressSpace: true, invalidPC: true, cuda.LaunchFailed: true,
}

const (
	adviceKernel = "a kernel is wrong or was given a wrong address: the same command with --device emu names the kernel, its line and the thread; please report it"
	adviceMemory = "use a smaller --batch, smaller images or a smaller network, or --dtype bf16; nvidia-smi lists other programs that use the GPU's memory"
)

// advice says what to do about a code. Those that need facts of the device are completed where they are known.
var advice = map[cuda.Code]string{
	cuda.OutOfMemory: adviceMemory,
	cuda.NoDriver:    "the library that was loaded is the CUDA toolkit's stub: take its stubs folder out of LD_LIBRARY_PATH, or set UNNOISE_LIBCUDA to the driver's libcuda.so.1",
	cuda.DeviceUnavailable: "another process uses the GPU exclusively: wait for it, choose another GPU with --device cuda:1, " +
		"or let an administrator run nvidia-smi -c DEFAULT",
	cuda.NoDevice: "no GPU is visible: see whether nvidia-smi lists one and what CUDA_VISIBLE_DEVICES says; a container needs the GPU passed in, as docker run --gpus all does; " +
		"--device cpu works without",
	cuda.InvalidDevice:          "nvidia-smi lists the GPUs; CUDA_VISIBLE_DEVICES may hide some",
	cuda.NoBinaryForGPU:         "the kernels need a GPU of compute capability 8.0 or newer, Ampere of 2020; use --device cpu",
	cuda.InvalidPTX:             "the driver's compiler refused a kernel: update the driver, or report the message",
	cuda.InvalidImage:           "the driver's compiler refused a kernel: update the driver, or report the message",
	cuda.UnsupportedPTXVersion:  "the driver is older than the kernels: update it",
	cuda.JITCompilationDisabled: "unset CUDA_DISABLE_PTX_JIT",
	jitCompilerNotFound: "the driver's PTX compiler libnvidia-ptxjitcompiler is missing: a container needs the driver's compute libraries, " +
		"NVIDIA_DRIVER_CAPABILITIES=compute,utility; a machine needs a complete driver package",
	cuda.LaunchOutOfResources: "the kernel needs more registers or shared memory than a block of that size can have: use fewer threads",
	cuda.LaunchTimeout:        "the GPU drives a display and stops long kernels: use a smaller --batch or a GPU without a display",
	cuda.IllegalAddress:       adviceKernel,
	cuda.MisalignedAddress:    adviceKernel,
	cuda.InvalidAddressSpace:  adviceKernel,
	cuda.IllegalInstruction:   adviceKernel,
	cuda.LaunchFailed:         adviceKernel,
	cuda.Assert:               adviceKernel,
	hardwareStack:             adviceKernel,
	invalidPC:                 adviceKernel,
	eccUncorrectable:          "the GPU's memory has an error that it cannot correct: reset the GPU or reboot; if it happens again the GPU is faulty",
	contained:                 "the GPU's memory has an error that it cannot correct: reset the GPU or reboot; if it happens again the GPU is faulty",
	cuda.NotPermitted:         "the system does not let this user use the GPU: check the permissions of /dev/nvidia*",
	cuda.SystemDriverMismatch: "the driver was updated and its kernel module not yet: reboot; in a container the host's driver must be the one passed in",
	cuda.SystemNotCompatible:  "the forward-compatibility libcuda does not serve this GPU: take the cuda-compat folder out of LD_LIBRARY_PATH",
	cuda.Unknown:              "the driver is in a bad state: see dmesg for lines of NVRM; reloading the driver or a reboot helps",
}

// codeOf reads the number of an error of gorgonia.org/cu, whose type is not exported.
func codeOf(err error) cuda.Code {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if v := reflect.ValueOf(e); v.Kind() == reflect.Int {
			return cuda.Code(v.Int())
		}
	}
	return cuda.Unknown
}

// check makes the answer of a driver function an error.
func check(call string, r C.CUresult) error {
	if r == C.CUDA_SUCCESS {
		return nil
	}
	return failure(call, cuda.Code(r), "")
}

// checkCU does the same with an error of gorgonia.org/cu.
func checkCU(call string, err error) error {
	if err == nil {
		return nil
	}
	return failure(call, codeOf(err), "")
}

// failure is the error of a code, with the driver's own words where package cuda has none, and advice.
func failure(call string, code cuda.Code, detail string) *cuda.Error {
	if code.Error() == fmt.Sprintf("CUDA error %d", int(code)) {
		if text := describe(code); text != "" && detail != "" {
			detail = text + ": " + detail
		} else {
			detail = text + detail
		}
	}
	return &cuda.Error{Code: code, Call: call, Detail: detail, Advice: advice[code]}
}

// describe asks the driver for name and meaning of a code.
func describe(code cuda.Code) string {
	var name, text *C.char
	if C.cuGetErrorName(C.CUresult(code), &name) != C.CUDA_SUCCESS || name == nil {
		return ""
	}
	if C.cuGetErrorString(C.CUresult(code), &text) != C.CUDA_SUCCESS || text == nil {
		return C.GoString(name)
	}
	return C.GoString(name) + ", " + C.GoString(text)
}

// withDetail adds to an error of this package what the caller knows.
func withDetail(err error, format string, args ...any) error {
	var e *cuda.Error
	if errors.As(err, &e) {
		text := fmt.Sprintf(format, args...)
		if e.Detail != "" {
			text = e.Detail + "; " + text
		}
		e.Detail = text
	}
	return err
}
