//go:build cuda && cgo

package driver

//#cgo CFLAGS: -I${SRCDIR}/include
//#cgo linux LDFLAGS: -ldl -lpthread
//#include "calls.h"
import "C"

import (
	"fmt"
	"strconv"

	"gorgonia.org/cu"

	"github.com/unnoise/unnoise/cuda"
)

func init() { cuda.Register("cuda", Open) }

// oldest is the compute capability that the kernels are compiled for.
const oldest = 80

// load brings the driver up: library, initialisation, at least one GPU.
func load(call string) (gpus int, err error) {
	if C.unnoise_library() == nil {
		return 0, &cuda.Error{Code: cuda.NoDriver, Call: call, Detail: C.GoString(C.unnoise_library_error()),
			Advice: "install the NVIDIA driver, which brings libcuda.so.1; a container needs it passed in, as docker run --gpus all does; UNNOISE_LIBCUDA names a library " +
				"elsewhere; --device cpu works without"}
	}
	if err := check(call, C.unnoise_init()); err != nil {
		return 0, withDetail(err, "%s does not start", C.GoString(C.unnoise_library()))
	}
	gpus, err = cu.NumDevices()
	if err != nil {
		return 0, checkCU(call, err)
	}
	if gpus == 0 {
		return 0, failure(call, cuda.NoDevice, "the driver counts none")
	}
	return gpus, nil
}

// Inspect asks the driver what it has; it loads the library, opens no device and takes no memory on one.
func Inspect() Status {
	s := Status{Built: true, Driver: kernelModule()}
	if path := C.unnoise_library(); path != nil {
		s.Library = C.GoString(path)
	} else {
		s.LibraryError = C.GoString(C.unnoise_library_error())
	}
	gpus, err := load("Inspect")
	if v := cu.Version(); s.Library != "" && v > 0 {
		s.CUDA = cudaVersion(v)
		if p := newestPTX(v); p > 0 {
			s.PTX = fmt.Sprintf("%d.%d", p/10, p%10)
		}
	}
	if err != nil {
		s.Err = err
		return s
	}
	for i := range gpus {
		s.Devices = append(s.Devices, inspectDevice(i))
		if d := &s.Devices[i]; i == 0 || d.Err == nil {
			s.Err = d.Err
		}
	}
	return s
}

func inspectDevice(i int) DeviceInfo {
	info := DeviceInfo{ID: fmt.Sprintf("cuda:%d", i)}
	_, p, err := properties(i)
	if err != nil {
		info.Err = err
		return info
	}
	info.Name, info.UUID, info.Major, info.Minor, info.SMs, info.TotalMemory = p.Name, p.UUID, p.Major, p.Minor, p.SMs, p.TotalMemory
	info.Err = capable(p)
	return info
}

// capable refuses GPUs that the kernels do not run on.
func capable(p cuda.Props) error {
	if p.SM() >= oldest {
		return nil
	}
	return failure("Open", cuda.NoBinaryForGPU, fmt.Sprintf("%s (%s) has compute capability %d.%d", p.ID, p.Name, p.Major, p.Minor))
}

// Open opens a GPU by its number, 0 if the text is empty. It compiles and runs a small kernel, so that a driver or GPU that cannot run
// this program's kernels is known at once.
func Open(arg string) (cuda.Device, error) {
	ordinal := 0
	if arg != "" {
		n, err := strconv.Atoi(arg)
		if err != nil || n < 0 {
			return nil, &cuda.Error{Code: cuda.InvalidDevice, Call: "Open", Detail: fmt.Sprintf("%q is not the number of a GPU", arg), Advice: "write cuda:0 for the first"}
		}
		ordinal = n
	}
	d := newDevice()
	err := d.thread.do(func() error { return d.open(ordinal) })
	if err == nil {
		err = d.probe()
	}
	if err != nil {
		_ = d.Close() // the first error is what counts
		return nil, err
	}
	return d, nil
}

// open makes the GPU's primary context current on the device's thread.
func (d *device) open(ordinal int) error {
	gpus, err := load("Open")
	if err != nil {
		return err
	}
	if ordinal >= gpus {
		return failure("Open", cuda.InvalidDevice, fmt.Sprintf("cuda:%d was asked for, the driver shows %d", ordinal, gpus))
	}
	if d.gpu, d.props, err = properties(ordinal); err != nil {
		return err
	}
	if err := capable(d.props); err != nil {
		return err
	}
	if d.ctx, err = d.gpu.RetainPrimaryCtx(); err != nil {
		return withDetail(checkCU("Open", err), "no context on %s (%s)", d.props.ID, d.props.Name)
	}
	d.retained = true
	if err := cu.SetCurrentContext(d.ctx); err != nil {
		return checkCU("Open", err)
	}
	d.version = cu.Version()
	d.cache = openCache(fmt.Sprintf("cuda %d, module %s, sm_%d", d.version, kernelModule(), d.props.SM()))
	return nil
}

// Attributes that gorgonia.org/cu does not name.
const (
	attrBlocksPerSM    = cu.DeviceAttribute(C.CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR)
	attrSharedOptIn    = cu.DeviceAttribute(C.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)
	attrSharedReserved = cu.DeviceAttribute(C.CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK)
	attrClusterLaunch  = cu.DeviceAttribute(C.CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH)
)

// portableCluster is the number of blocks in a cluster that every GPU with clusters allows (CUDA C++ Programming Guide, thread
// block clusters).
const portableCluster = 8

func properties(ordinal int) (cu.Device, cuda.Props, error) {
	p := cuda.Props{ID: fmt.Sprintf("cuda:%d", ordinal), Driver: "CUDA " + cudaVersion(cu.Version()), MaxCluster: 1}
	if m := kernelModule(); m != "" {
		p.Driver = m + " (" + p.Driver + ")"
	}
	gpu, err := cu.GetDevice(ordinal)
	if err != nil {
		return 0, p, withDetail(checkCU("Open", err), "%s", p.ID)
	}
	if p.Name, err = gpu.Name(); err != nil {
		return 0, p, checkCU("Open", err)
	}
	if p.TotalMemory, err = gpu.TotalMem(); err != nil {
		return 0, p, checkCU("Open", err)
	}
	if id, err := gpu.UUID(); err == nil {
		p.UUID = "GPU-" + id.String()
	}
	type question struct {
		number cu.DeviceAttribute
		to     *int
	}
	ask := func(must bool, list ...question) error {
		for _, q := range list {
			v, err := gpu.Attribute(q.number)
			if err != nil && must {
				return withDetail(checkCU("Open", err), "attribute %d of %s", int(q.number), p.ID)
			}
			if err == nil {
				*q.to = v
			}
		}
		return nil
	}
	err = ask(true, question{cu.ComputeCapabilityMajor, &p.Major}, question{cu.ComputeCapabilityMinor, &p.Minor},
		question{cu.MultiprocessorCount, &p.SMs}, question{cu.WarpSize, &p.WarpSize},
		question{cu.MaxThreadsPerBlock, &p.MaxThreadsPerBlock}, question{cu.MaxThreadsPerMultiprocessor, &p.MaxThreadsPerSM},
		question{cu.MaxBlockDimX, &p.MaxBlock.X}, question{cu.MaxBlockDimY, &p.MaxBlock.Y}, question{cu.MaxBlockDimZ, &p.MaxBlock.Z},
		question{cu.MaxGridDimX, &p.MaxGrid.X}, question{cu.MaxGridDimY, &p.MaxGrid.Y}, question{cu.MaxGridDimZ, &p.MaxGrid.Z},
		question{cu.MaxRegistersPerMultiprocessor, &p.RegistersPerSM}, question{cu.MaxSharedMemoryPerMultiprocessor, &p.SharedPerSM},
		question{cu.MaxSharedMemoryPerBlock, &p.SharedPerBlock}, question{attrSharedOptIn, &p.SharedOptIn})
	// Drivers of some age or youth do not know these; 0 says so.
	clusters := 0
	_ = ask(false, question{attrSharedReserved, &p.SharedReserved}, question{attrBlocksPerSM, &p.MaxBlocksPerSM}, question{cu.L2CacheSize, &p.L2Bytes},
		question{cu.ClockRate, &p.ClockKHz}, question{cu.MemoryClockRate, &p.MemoryClockKHz}, question{cu.GlobalMemoryBusWidth, &p.MemoryBusBits},
		question{cu.AsyncEngineCount, &p.AsyncCopyEngines}, question{attrClusterLaunch, &clusters})
	if clusters != 0 {
		p.MaxCluster = portableCluster
	}
	return gpu, p, err
}
