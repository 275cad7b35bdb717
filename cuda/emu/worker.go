package emu

import (
	"unsafe"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu/lane"
)

// worker executes blocks, one after the other, on one core. It is kept by the device between launches.
type worker struct {
	l     *launch
	blk   *block
	block block
	warps []*warp

	shared     []byte
	sharedInit []byte
	cells      sharedCells
	nextEpoch  uint32
	readEpochs uint32

	views    [viewSlots]*view
	allViews map[uint32]*view
	touched  []touchedPage

	raceBytes int // of the race cells of global memory

	of       *module     // that the profiles belong to
	profiles [][]profile // of each function
	ctr      cuda.LaunchCounters
	constant cuda.MemoryCounters // loads from constant memory, which no one asks for
	banks    bankCount

	fragments [14]unsafe.Pointer // registers of a matrix product
	products  lane.Scratch
}

// maxRaceBytes is how much memory a worker's race cells may keep between launches.
const maxRaceBytes = 128 << 20

func newWorker() *worker { return &worker{allViews: map[uint32]*view{}, nextEpoch: 1} }

// prepare gets the worker ready for a launch.
func (wk *worker) prepare(l *launch) {
	wk.l = l
	wk.touched = wk.touched[:0]
	if wk.raceBytes > maxRaceBytes {
		wk.raceBytes = 0
		for _, v := range wk.allViews {
			v.pages = nil
		}
	}
	wk.ctr = cuda.LaunchCounters{}
	if wk.of != l.fn.mod {
		wk.of = l.fn.mod
		wk.profiles = make([][]profile, len(l.fn.mod.funcs))
	}
	for _, f := range l.fn.reach {
		if wk.profiles[f.id] == nil {
			wk.profiles[f.id] = make([]profile, len(f.code))
		}
		clear(wk.profiles[f.id])
	}
	for n := (l.threads + warpSize - 1) / warpSize; len(wk.warps) < n; {
		wk.warps = append(wk.warps, &warp{wk: wk})
	}
	if int64(len(wk.shared)) < l.sharedBytes+16 {
		wk.shared = alignedBytes(int(l.sharedBytes) + 16)
		wk.sharedInit = make([]byte, len(wk.shared))
	}
}

// nextReadEpoch names a new interval between barriers of a whole block.
func (wk *worker) nextReadEpoch() uint32 {
	wk.readEpochs++
	if wk.readEpochs == 0 {
		clear(wk.cells.rd)
		clear(wk.cells.at)
		wk.readEpochs = 1
	}
	return wk.readEpochs
}

// forget drops what the worker knows about freed allocations.
func (wk *worker) forget(id uint32) {
	delete(wk.allViews, id)
	wk.views[id%viewSlots] = nil
}
