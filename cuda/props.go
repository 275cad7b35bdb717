package cuda

// Props are the fixed properties of a device.
type Props struct {
	ID     string // as given to Open, complete: "cuda:0", "emu:a100"
	Name   string // marketing name
	Driver string // driver version, or the emulator's
	UUID   string // empty on the emulator

	// Emulated devices run kernels correctly but say nothing about time: a
	// benchmark must not put their durations next to measured ones.
	Emulated bool

	Major, Minor int // compute capability

	SMs                int
	WarpSize           int
	MaxThreadsPerBlock int
	MaxThreadsPerSM    int
	MaxBlocksPerSM     int
	MaxBlock           Dim3
	MaxGrid            Dim3
	MaxCluster         int // blocks; 1 where clusters do not exist

	RegistersPerSM   int // 32-bit registers
	SharedPerSM      int // bytes
	SharedPerBlock   int // bytes without SetMaxDynamicShared
	SharedOptIn      int // bytes per block with SetMaxDynamicShared
	SharedReserved   int // bytes per block that the system takes
	TotalMemory      int64
	L2Bytes          int
	ClockKHz         int
	MemoryClockKHz   int
	MemoryBusBits    int
	AsyncCopyEngines int
}

// SM is the compute capability as one number: 80 for 8.0.
func (p Props) SM() int { return 10*p.Major + p.Minor }
