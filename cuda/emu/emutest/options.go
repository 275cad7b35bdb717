package emutest

import (
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu"
)

// OpenProfile opens an emulated GPU with options; the test closes it when it
// ends.
func OpenProfile(tb testing.TB, profile string, opts ...emu.Option) *Device {
	tb.Helper()
	dev, err := emu.Open(profile, opts...)
	if err != nil {
		tb.Fatal(err)
	}
	stream, err := dev.NewStream()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := dev.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return &Device{Device: dev, tb: tb, stream: stream, functions: map[string]cuda.Function{}}
}

// Free releases the buffer before the device is closed.
func (b *Buffer[T]) Free() {
	b.dev.tb.Helper()
	if err := b.mem.Close(); err != nil {
		b.dev.tb.Fatal(err)
	}
}
