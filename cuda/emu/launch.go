package emu

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/unnoise/unnoise/cuda"
)

// launch is one execution of a kernel.
type launch struct {
	dev     *device
	fn      *function
	label   string
	grid    cuda.Dim3
	block   cuda.Dim3
	blocks  int64
	threads int // of a block
	params  []byte
	dynamic int64 // bytes of dynamic shared memory

	sharedBytes int64
	declared    bool
	ops         []cuda.Operand
	ranges      map[uint32][]opRange
	budget      uint64

	stamp    uint64
	journal  *journal
	failed   atomic.Bool // some block failed: stop and start again in order
	parallel bool
	atomics  sync.Mutex
}

// newLaunch checks a launch against the kernel and the device.
func (d *device) newLaunch(fn *function, c cuda.Launch) (*launch, error) {
	bad := func(code cuda.Code, detail, advice string) (*launch, error) {
		return nil, &cuda.Error{Code: code, Call: "Launch", Kernel: fn.ast.Name, Detail: detail, Advice: advice}
	}
	l := &launch{
		dev: d, fn: fn, label: c.Label, grid: c.Grid.Normal(), block: c.Block.Normal(), dynamic: int64(c.DynamicShared),
		declared: c.Operands != nil, ops: append([]cuda.Operand(nil), c.Operands...), budget: d.opt.stepBudget,
	}
	p := &d.props
	if cl := c.Cluster.Normal(); cl.Count() != 1 {
		return bad(cuda.NotSupported, fmt.Sprintf("a cluster of %d blocks", cl.Count()), "the emulator has no clusters")
	}
	if !within(l.grid, p.MaxGrid) {
		return bad(cuda.InvalidValue, fmt.Sprintf("grid %v exceeds %v", l.grid, p.MaxGrid), "")
	}
	maxThreads := fn.maxThreads(p)
	if !within(l.block, p.MaxBlock) || l.block.Count() > int64(maxThreads) {
		return bad(cuda.InvalidValue, fmt.Sprintf("block %v has %d threads; the kernel allows %d and the device %v", l.block, l.block.Count(), maxThreads, p.MaxBlock), "")
	}
	if r := fn.ast.ReqThreads; r[0] > 0 && (l.block != cuda.Dim3{X: r[0], Y: max(r[1], 1), Z: max(r[2], 1)}) {
		return bad(cuda.InvalidValue, fmt.Sprintf("block %v; the kernel requires %v (.reqntid)", l.block, r), "")
	}
	l.blocks, l.threads = l.grid.Count(), int(l.block.Count())
	if l.blocks >= 1<<blockBits-1 {
		return bad(cuda.NotSupported, fmt.Sprintf("%d blocks", l.blocks), fmt.Sprintf("the emulator runs up to %d", 1<<blockBits-2))
	}
	if l.dynamic < 0 || l.dynamic > 0 && l.dynamic > int64(fn.maxDynamic(p)) {
		return bad(cuda.InvalidValue, fmt.Sprintf("%d bytes of dynamic shared memory with %d static; %d are allowed", l.dynamic, fn.sharedBytes, fn.maxDynamic(p)),
			"call SetMaxDynamicShared first")
	}
	l.sharedBytes = fn.sharedBytes
	if l.dynamic > 0 {
		l.sharedBytes = fn.dynamicAt + l.dynamic
	}
	if l.sharedBytes > int64(p.SharedOptIn) {
		return bad(cuda.LaunchOutOfResources, fmt.Sprintf("%d bytes of shared memory; a block has %d", l.sharedBytes, p.SharedOptIn), "")
	}
	if err := l.setParams(c.Args); err != nil {
		return nil, err
	}
	if err := l.setOperands(); err != nil {
		return nil, err
	}
	return l, nil
}

func within(d, limit cuda.Dim3) bool {
	return d.X > 0 && d.Y > 0 && d.Z > 0 && d.X <= limit.X && d.Y <= limit.Y && d.Z <= limit.Z
}

// setParams packs the arguments into the kernel's parameter block.
func (l *launch) setParams(args []any) error {
	packed, err := cuda.PackArgs(args...)
	if err != nil {
		return err
	}
	params := l.fn.ast.Params
	if len(packed.Offsets) != len(params) {
		return &cuda.Error{Code: cuda.InvalidValue, Call: "Launch", Kernel: l.fn.ast.Name,
			Detail: fmt.Sprintf("%d arguments for %d parameters", len(packed.Offsets), len(params))}
	}
	l.params = alignedBytes(int(l.fn.ast.ParamBytes) + 8)[:l.fn.ast.ParamBytes]
	for i, p := range params {
		if int64(packed.Sizes[i]) != p.Size {
			return &cuda.Error{Code: cuda.InvalidValue, Call: "Launch", Kernel: l.fn.ast.Name,
				Detail: fmt.Sprintf("argument %d has %d bytes, parameter %s has %d", i, packed.Sizes[i], p.Name, p.Size)}
		}
		off := packed.Offsets[i]
		copy(l.params[p.Offset:], packed.Bytes[off:off+packed.Sizes[i]])
	}
	return nil
}

// blockPos is the position of a block in the grid.
func (l *launch) blockPos(i int64) cuda.Dim3 {
	x, y := int64(l.grid.X), int64(l.grid.Y)
	return cuda.Dim3{X: int(i % x), Y: int(i / x % y), Z: int(i / (x * y))}
}

// stopped tells running blocks that one of them has failed.
func (l *launch) stopped() bool { return l.parallel && l.failed.Load() }

// run executes the launch and returns the fault of the lowest failing block.
func (l *launch) run() (*cuda.LaunchCounters, *fault) {
	if f := l.beginLives(); f != nil {
		return nil, f
	}
	l.clearWritten()
	workers := min(int64(l.dev.opt.workers), l.blocks)
	if l.fn.ordered {
		workers = 1
	}
	var ctr *cuda.LaunchCounters
	var f *fault
	if workers > 1 {
		ctr, f = l.runParallel(int(workers))
	} else {
		ctr, f = l.runSerial()
	}
	if f == nil {
		f = l.checkWritten()
	}
	l.endLives()
	return ctr, f
}

// runSerial executes the blocks in order.
func (l *launch) runSerial() (*cuda.LaunchCounters, *fault) {
	wk := l.dev.worker(0)
	l.stamp = l.dev.nextStamp()
	wk.prepare(l)
	l.dev.syncs, l.dev.syncBytes, l.dev.syncAll = map[uint64][]uint8{}, 0, nil
	for i := int64(0); i < l.blocks; i++ {
		if f := wk.runBlock(i); f != nil {
			return l.counters([]*worker{wk}), f
		}
	}
	return l.counters([]*worker{wk}), nil
}

// runParallel shares the blocks among workers. If anything goes wrong, memory is put back and the blocks run in order, so
// that the outcome is that of one worker.
func (l *launch) runParallel(n int) (*cuda.LaunchCounters, *fault) {
	l.stamp = l.dev.nextStamp()
	l.journal = newJournal()
	l.parallel = true
	l.failed.Store(false)
	workers := make([]*worker, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for i := range workers {
		wk := l.dev.worker(i)
		wk.prepare(l)
		workers[i] = wk
		wg.Add(1)
		go func() {
			defer wg.Done()
			for b := next.Add(1) - 1; b < l.blocks && !l.failed.Load(); b = next.Add(1) - 1 {
				if wk.runBlock(b) != nil {
					l.failed.Store(true)
				}
			}
		}()
	}
	wg.Wait()
	old := l.journal
	l.journal, l.parallel = nil, false
	if !l.failed.Load() && !raceBetween(workers) {
		return l.counters(workers), nil
	}
	old.undo()
	return l.runSerial()
}
