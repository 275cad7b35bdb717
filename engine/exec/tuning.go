package exec

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
)

// TuningPath is where the table of kernel variants of a kind of GPU is kept: UNNOISE_TABLE, or a file of its compute capability and
// number of multiprocessors in the user's cache.
func TuningPath(p cuda.Props) (string, error) {
	if path := os.Getenv("UNNOISE_TABLE"); path != "" {
		return path, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no place for the table of kernel variants: %w; name a file in UNNOISE_TABLE", err)
	}
	return filepath.Join(dir, "unnoise", fmt.Sprintf("variants-sm_%d-%d.json", p.SM(), p.SMs)), nil
}

// ReadTuning reads a device's table; nil where none was measured.
func ReadTuning(p cuda.Props) (kernels.Table, error) {
	path, err := TuningPath(p)
	if err != nil {
		return nil, nil // no cache folder, no table
	}
	return kernels.ReadTable(path)
}
