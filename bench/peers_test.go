package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"testing"
)

// pythonWithTorch finds a Python that has PyTorch and NumPy; without one the test is skipped.
func pythonWithTorch(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("runs PyTorch")
	}
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(name, "-c", "import torch, numpy").Run() == nil {
			return name
		}
	}
	t.Skip("no Python with PyTorch and NumPy (Debian: python3-torch, python3-numpy)")
	return ""
}

// The scripts do what this package expects of them.
func TestRealPeer(t *testing.T) {
	o := Options{Python: pythonWithTorch(t), Peers: "peers", Threads: 1, Steps: 2}
	s, err := NewStepper("fashion-mnist", []string{"train.micro_batch=2"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p, err := o.startPeer(context.Background(), "fashion-mnist", s)
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.round()
	if err != nil {
		t.Fatal(err)
	}
	if !(r.CPU > 0) || p.version == "" {
		t.Errorf("round %+v of version %q", r, p.version)
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
}

// PyTorch's copy of the network is diffusers', and the GPU script runs from end to end, every row but those of a GPU without error.
func TestScripts(t *testing.T) {
	python := pythonWithTorch(t)
	if out, err := exec.Command(python, "-B", "peers/check_unet.py", "--golden", "../engine/testdata/golden").CombinedOutput(); err != nil {
		t.Errorf("check_unet.py: %v\n%s", err, out)
	}
	cmd := exec.Command(python, "-B", "peers/gpu_eager.py", "--device", "cpu", "--tiny")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("gpu_eager.py: %v\n%s", err, said.String())
	}
	var last string
	for _, line := range bytes.Split(bytes.TrimSpace(out), []byte("\n")) {
		var row struct{ Kind, Error string }
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatalf("%q is not a row: %v", line, err)
		}
		if row.Error != "" && row.Kind != "attention" { // the CPU lacks most of its backends
			t.Errorf("%s", line)
		}
		last = row.Kind
	}
	if last != "end" {
		t.Errorf("the last row is %q, want end", last)
	}
}
