package emu

import (
	"fmt"

	"github.com/unnoise/unnoise/cuda"
)

// block is the block that a worker executes.
type block struct {
	wk    *worker
	index int64
	pos   cuda.Dim3
	mark  uint32 // names the block in race cells

	shared     []byte
	sharedInit []byte
	warps      []*warp
	bars       [16]barrier
	async      bool // the kernel uses cp.async
	opened     bool // a barrier was completed since the warps last had their turns

	epoch      uint32 // that its warps began with
	lastEpoch  uint32
	wholeEpoch uint32 // of the last barrier of the whole block
	readEpoch  uint32 // names the time since that barrier in readers' cells
	releases   uint32 // fences followed by an atomic
	fenced     bool   // a fence was executed since the last atomic
	acquired   []uint8
	handed     map[uint64]*[warpSize]uint32 // releases at words of shared memory
}

// runBlock executes one block to its end.
func (wk *worker) runBlock(index int64) (found *fault) {
	l := wk.l
	defer func() {
		wk.nextEpoch = wk.block.lastEpoch + 1
		if r := recover(); r != nil {
			found = l.fault(cuda.InvalidArgument, fmt.Sprintf("internal error of the emulator: %v", r))
			found.Block = l.blockPos(index)
		}
	}()
	b := &wk.block
	*b = block{wk: wk, index: index, pos: l.blockPos(index), mark: uint32(index) + 1, async: l.fn.asyncCopies, warps: b.warps[:0]}
	b.shared, b.sharedInit = wk.shared[:l.sharedBytes], wk.sharedInit[:l.sharedBytes]
	clear(b.sharedInit)
	wk.blk = b
	b.epoch = wk.cells.fit(int(l.sharedBytes), l.fn.sharedShift, wk.nextEpoch)
	b.lastEpoch, b.wholeEpoch = b.epoch, b.epoch
	b.readEpoch = wk.nextReadEpoch()
	threads := l.threads
	for i := 0; i*warpSize < threads; i++ {
		mask := allLanes
		if rest := threads - i*warpSize; rest < warpSize {
			mask = 1<<uint(rest) - 1
		}
		w := wk.warps[i]
		b.warps = append(b.warps, w)
		w.begin(b, i, mask)
	}
	return b.run()
}

// run gives the warps their turns until all are done.
func (b *block) run() *fault {
	for {
		left, ran := 0, false
		for _, w := range b.warps {
			switch w.state {
			case done:
				continue
			case ready:
				ran = true
				if f := w.run(); f != nil {
					return f
				}
			}
			if b.opened { // a barrier let warps go on: the first of them is next
				left = 1
				break
			}
			if w.state != done {
				left++
			}
		}
		b.opened = false
		if left == 0 {
			return nil
		}
		if b.wk.l.stopped() {
			return nil
		}
		if !ran {
			return b.stuck()
		}
	}
}

// stuck reports why no warp can go on: threads that a barrier waits for have exited, or wait at another barrier.
func (b *block) stuck() *fault {
	var first *warp
	for _, w := range b.warps {
		if w.state == waiting {
			first = w
			break
		}
	}
	in := first.barWait.in
	bar := first.barWait.bar
	for _, w := range b.warps {
		if gone := w.all &^ w.live; gone != 0 {
			p := w.threadPos(firstLane(gone))
			return first.fault(cuda.BarrierDivergence, in, firstLane(first.live),
				fmt.Sprintf("barrier %d waits for all threads of the block, but thread %s has exited", bar, dimString(p)))
		}
	}
	for _, w := range b.warps {
		if w.state == waiting && w.barWait.bar != bar {
			p := w.threadPos(firstLane(w.live))
			return first.fault(cuda.Deadlock, in, firstLane(first.live),
				fmt.Sprintf("waits at barrier %d while thread %s waits at barrier %d (line %d)", bar, dimString(p), w.barWait.bar, w.barWait.in.ast.Pos.Line))
		}
	}
	return first.fault(cuda.Deadlock, in, firstLane(first.live),
		fmt.Sprintf("barrier %d waits for %d threads and %d have come", bar, b.bars[bar].need, b.bars[bar].arrived))
}

func dimString(d cuda.Dim3) string { return fmt.Sprintf("(%d,%d,%d)", d.X, d.Y, d.Z) }
