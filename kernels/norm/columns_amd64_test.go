package norm

import "testing"

// TestPortable runs the same tests without assembly.
func TestPortable(t *testing.T) {
	defer func(v bool) { vector = v }(vector)
	vector = false
	t.Run("variants", TestOperators)
	t.Run("mask", TestMask)
	t.Run("large mean", TestLargeMean)
}
