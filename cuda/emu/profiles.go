package emu

import "github.com/unnoise/unnoise/cuda"

// profiles are the devices that the emulator stands for: limits of the CUDA programming guide (table of technical
// specifications per compute capability) and the vendor's data sheets.
var profiles = func() map[string]cuda.Props {
	base := cuda.Props{
		Driver: "emulator", Emulated: true, WarpSize: warpSize, MaxThreadsPerBlock: 1024, MaxThreadsPerSM: 2048, MaxBlocksPerSM: 32,
		MaxBlock: cuda.Dim3{X: 1024, Y: 1024, Z: 64}, MaxGrid: cuda.Dim3{X: 1<<31 - 1, Y: 65535, Z: 65535}, MaxCluster: 1,
		RegistersPerSM: 65536, SharedPerBlock: 48 << 10, SharedReserved: 1 << 10,
	}
	a100 := base
	a100.ID, a100.Name, a100.Major, a100.Minor, a100.SMs = "emu:a100", "NVIDIA A100-SXM4-80GB (emulated)", 8, 0, 108
	a100.SharedPerSM, a100.SharedOptIn, a100.L2Bytes = 164<<10, 163<<10, 40<<20
	a100.ClockKHz, a100.MemoryClockKHz, a100.MemoryBusBits, a100.AsyncCopyEngines = 1410000, 1593000, 5120, 3

	h100 := base
	h100.ID, h100.Name, h100.Major, h100.Minor, h100.SMs = "emu:h100", "NVIDIA H100-SXM5-80GB (emulated)", 9, 0, 132
	h100.SharedPerSM, h100.SharedOptIn, h100.L2Bytes = 228<<10, 227<<10, 50<<20
	h100.ClockKHz, h100.MemoryClockKHz, h100.MemoryBusBits, h100.AsyncCopyEngines = 1980000, 2619000, 5120, 3

	ada := base
	ada.ID, ada.Name, ada.Major, ada.Minor, ada.SMs = "emu:rtx4090", "NVIDIA GeForce RTX 4090 (emulated)", 8, 9, 128
	ada.MaxThreadsPerSM, ada.MaxBlocksPerSM = 1536, 24
	ada.SharedPerSM, ada.SharedOptIn, ada.L2Bytes = 100<<10, 99<<10, 72<<20
	ada.ClockKHz, ada.MemoryClockKHz, ada.MemoryBusBits, ada.AsyncCopyEngines = 2520000, 10501000, 384, 2
	return map[string]cuda.Props{"": a100, "a100": a100, "h100": h100, "rtx4090": ada}
}()
