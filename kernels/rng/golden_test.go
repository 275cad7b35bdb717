package rng

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

var update = flag.Bool("update", false, "write the table of golden bits from the Go generator")

const (
	goldenFile    = "testdata/normals.txt"
	goldenBlocks  = 256                   // 2^24 counters
	launchBlocks  = 4                     // of one launch
	blockCounters = 1 << 16               // counters of a block, one sample
	goldenSeed    = 0xfedc_ba98_7654_3210 // both key words matter
	goldenStep    = 0x89abcdef            // Philox's third counter word
	goldenSample  = 0xffffff80            // of block 0; the sum with a block's number wraps around
	goldenStream  = 0x2ba3_5db7           // Philox's fourth counter word
	goldenNote    = "# Standard normals of 2^16 Philox counters a line: sample, SHA-256 of the float32 in little-endian bytes, one counter, its four normals' bits."
)

// goldenLine describes a block's bits.
func goldenLine(block int, bits []byte) string {
	counter := block * 40503 % blockCounters // spread over the block
	line := fmt.Sprintf("%08x %x %d", uint32(goldenSample+uint64(block)), sha256.Sum256(bits), counter)
	for i := range 4 {
		line += fmt.Sprintf(" %08x", binary.LittleEndian.Uint32(bits[16*counter+4*i:]))
	}
	return line
}

// goldenGo draws a block in Go.
func goldenGo(block int) []byte {
	values := make([]float32, 4*blockCounters)
	FillNormal(values, goldenSeed, uint32(goldenSample+uint64(block)), goldenStep, goldenStream)
	bits := make([]byte, 0, 4*len(values))
	for _, v := range values {
		bits = binary.LittleEndian.AppendUint32(bits, math.Float32bits(v))
	}
	return bits
}

// TestGoldenNormals holds the normals of 2^24 Philox counters (2^18 in short tests) from Go and from the CUDA kernel to a table
// of their bits.
func TestGoldenNormals(t *testing.T) {
	if *update {
		table := goldenNote + "\n"
		for b := range goldenBlocks {
			table += goldenLine(b, goldenGo(b)) + "\n"
		}
		if err := os.WriteFile(goldenFile, []byte(table), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := goldenTable(t)
	blocks := goldenBlocks
	if testing.Short() {
		blocks = 4
	}
	device := newNormals(t)
	for b := range blocks {
		if got := goldenLine(b, goldenGo(b)); got != want[b] {
			t.Errorf("Go: block %d is\n%s, want\n%s", b, got, want[b])
		}
		if b%launchBlocks == 0 {
			device.draw(t, b)
		}
		if got := goldenLine(b, device.bits[b%launchBlocks]); got != want[b] {
			t.Errorf("CUDA: block %d is\n%s, want\n%s", b, got, want[b])
		}
	}
}

func goldenTable(t *testing.T) []string {
	t.Helper()
	f, err := os.Open(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var lines []string
	for s := bufio.NewScanner(f); s.Scan(); {
		if !strings.HasPrefix(s.Text(), "#") {
			lines = append(lines, s.Text())
		}
	}
	if len(lines) != goldenBlocks {
		t.Fatalf("%s has %d lines, want %d", goldenFile, len(lines), goldenBlocks)
	}
	return lines
}

// normals draws blocks on the emulator.
type normals struct {
	device   cuda.Device
	queue    *gpu.Queue
	state, y cuda.Memory
	bits     [launchBlocks][]byte
}

func newNormals(t *testing.T) *normals {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	d, err := emu.Open("a100")
	must(err)
	t.Cleanup(func() { _ = d.Close() })
	stream, err := d.NewStream()
	must(err)
	state, err := d.Alloc(gpu.StateBytes, "state")
	must(err)
	y, err := d.Alloc(16*blockCounters*launchBlocks, "normals")
	must(err)
	return &normals{device: d, queue: &gpu.Queue{Library: gpu.NewLibrary(d), Stream: stream, State: state.Ptr()}, state: state, y: y}
}

// draw draws the bits of the blocks of a launch, from the given one on.
func (n *normals) draw(t *testing.T, block int) {
	t.Helper()
	op := NormalDraw{N: launchBlocks, H: 64, W: 64, C: 4 * blockCounters / (64 * 64), Stream: goldenStream}
	out, err := op.Infer(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &kernels.Call{Op: op, Out: []*kernels.Operand{{Spec: out[0], Name: "normals", Addr: uint64(n.y.Ptr())}},
		State: &kernels.StepState{Seed: goldenSeed, Step: goldenStep, SampleBase: uint32(goldenSample + uint64(block))}}
	v, err := kernels.Choose(c, n.queue.Library.Props(), kernels.Selection{})
	if err != nil {
		t.Fatal(err)
	}
	state, buf := gpu.NewState(c.State), make([]byte, gpu.StateBytes)
	state.Put(buf)
	bits := make([]byte, 16*blockCounters*launchBlocks)
	for _, step := range []func() error{
		func() error { return n.device.CopyToDevice(n.state.Ptr(), buf) },
		func() error { return n.queue.Run(v.Kernel, c, op.Name()) },
		n.queue.Stream.Synchronize,
		func() error { return n.device.CopyToHost(bits, n.y.Ptr()) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n.bits {
		n.bits[i] = bits[i*16*blockCounters : (i+1)*16*blockCounters]
	}
}
