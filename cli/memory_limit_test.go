package cli

import (
	"os"
	"path/filepath"
	"testing"
)

// TestCgroupMemory reads the limits of control groups of both versions, nested and seen from inside a container.
func TestCgroupMemory(t *testing.T) {
	for name, c := range map[string]struct {
		membership string
		files      map[string]string
		want       int64
	}{
		"version 2":        {"0::/a/b\n", map[string]string{"a/b/memory.max": "max", "a/memory.max": "5000", "memory.max": "max"}, 5000},
		"version 1":        {"4:memory:/x\n0::/\n", map[string]string{"memory/x/memory.limit_in_bytes": "700\n", "memory/memory.limit_in_bytes": "9223372036854771712"}, 700},
		"container":        {"0::/not/visible\n", map[string]string{"memory.max": "123\n"}, 123},
		"no limit":         {"0::/\n", map[string]string{"memory.max": "max"}, 0},
		"other controller": {"3:cpu:/\nnonsense\n", map[string]string{"memory.max": "5"}, 0},
	} {
		root := t.TempDir()
		for file, text := range c.files {
			path := filepath.Join(root, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		membership := filepath.Join(t.TempDir(), "cgroup")
		if err := os.WriteFile(membership, []byte(c.membership), 0o666); err != nil {
			t.Fatal(err)
		}
		if got := cgroupMemory(root, membership); got != c.want {
			t.Errorf("%s: %d bytes, want %d", name, got, c.want)
		}
	}
}
