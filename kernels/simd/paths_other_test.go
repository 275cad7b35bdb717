//go:build !amd64

package simd

import "testing"

func bothPaths(t *testing.T, test func(t *testing.T)) { t.Run("portable", test) }

func vectorUnits(t *testing.T, test func(t *testing.T)) {}
