package conv

import (
	"testing"

	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestOperators runs every operator that the package registers.
func TestOperators(t *testing.T) { kerneltest.RunFamily(t) }
