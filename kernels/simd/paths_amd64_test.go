package simd

import "testing"

// bothPaths runs a test with the assembly, where the processor has AVX2, and with the portable loops.
func bothPaths(t *testing.T, test func(t *testing.T)) {
	have := useAVX2
	defer func() { useAVX2 = have }()
	for _, path := range []struct {
		name string
		avx2 bool
	}{{"portable", false}, {"avx2", true}} {
		t.Run(path.name, func(t *testing.T) {
			if path.avx2 && !have {
				t.Skip("this processor has no AVX2 and FMA")
			}
			useAVX2 = path.avx2
			test(t)
		})
	}
}

// vectorUnits runs a test with AVX2 and, where the processor has it, AVX-512.
func vectorUnits(t *testing.T, test func(t *testing.T)) {
	have := useAVX512
	defer func() { useAVX512 = have }()
	useAVX512 = false
	t.Run("avx2", test)
	useAVX512 = have
	t.Run("avx512", func(t *testing.T) {
		if !have {
			t.Skip("this processor has no AVX-512")
		}
		test(t)
	})
}
