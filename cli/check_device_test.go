package cli

import "testing"

// TestDeviceDoesNotReopen: a device that cannot be opened again after a fault is an error, and what is left can be closed.
func TestDeviceDoesNotReopen(t *testing.T) {
	g := &globals{device: "emu"}
	d, err := newDeviceCheck(g)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	d.close()
	g.device = "emu:lost"
	if err := d.open(); err == nil {
		t.Error("an unknown device is opened")
	}
}
