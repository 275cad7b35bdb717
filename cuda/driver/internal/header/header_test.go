package header

import (
	"bytes"
	"os"
	"slices"
	"testing"
)

// TestTrampolines: the committed trampolines are those of the committed header.
func TestTrampolines(t *testing.T) {
	h, err := Read("../../include", Files...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../trampolines.c")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, h.Trampolines()) {
		t.Error("trampolines.c does not belong to include/cuda.h: run go generate ./cuda/driver")
	}
}

// TestRead: every kind of declaration is found.
func TestRead(t *testing.T) {
	h, err := Read("../../include", Files...)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(h.Functions, func(f Function) bool { return f.Name == "cuTensorMapEncodeTiled" })
	if i < 0 || len(h.Functions[i].Params) != 12 || h.Functions[i].Params[4] != "const cuuint64_t *" {
		t.Errorf("cuTensorMapEncodeTiled: %v", h.Functions)
	}
	i = slices.IndexFunc(h.Structs, func(s Struct) bool { return s.Name == "CUlaunchAttributeValue" })
	if i < 0 || !slices.Equal(h.Structs[i].Members, []string{"pad", "clusterDim", "alignment"}) {
		t.Errorf("CUlaunchAttributeValue: %v", h.Structs)
	}
	i = slices.IndexFunc(h.Structs, func(s Struct) bool { return s.Name == "CUDA_MEMCPY2D" })
	if i < 0 || len(h.Structs[i].Members) != 16 {
		t.Errorf("CUDA_MEMCPY2D: %v", h.Structs)
	}
	for _, c := range []string{"CUDA_ERROR_STUB_LIBRARY", "CU_TRSF_READ_AS_INTEGER", "CU_STREAM_CAPTURE_MODE_THREAD_LOCAL"} {
		if !slices.Contains(h.Constants, c) {
			t.Errorf("no constant %s", c)
		}
	}
	if !slices.Contains(h.Aliases, Alias{"cuMemAlloc", "cuMemAlloc_v2"}) {
		t.Errorf("aliases: %v", h.Aliases)
	}
	if _, err := Read(t.TempDir()); err == nil {
		t.Error("nothing was read without an error")
	}
}
