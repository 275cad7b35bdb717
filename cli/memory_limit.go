package cli

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// memoryLimit is the least of the limits on what this process may hold, in bytes, and what sets it; 0 where none is known.
type memoryLimit struct {
	bytes int64
	by    string
}

// availableMemory returns the machine's memory, or the limit of the container or of the shell where that is less.
func availableMemory() memoryLimit {
	least := memoryLimit{math.MaxInt64, ""}
	for _, l := range []memoryLimit{{totalMemory(), "this machine has"}, {cgroupMemory("/sys/fs/cgroup", "/proc/self/cgroup"), "this container or control group may have"},
		{addressSpace(), "ulimit -v leaves"}} {
		if l.bytes > 0 && l.bytes < least.bytes {
			least = l
		}
	}
	if least.by == "" {
		least.bytes = 0
	}
	return least
}

// cgroupMemory is the least memory limit of the control groups that a process is in, version 2 or 1, 0 where there is none.
func cgroupMemory(root, membership string) int64 {
	f, err := os.Open(membership)
	if err != nil {
		return 0
	}
	defer f.Close()
	least := int64(0)
	for s := bufio.NewScanner(f); s.Scan(); {
		parts := strings.SplitN(s.Text(), ":", 3)
		if len(parts) != 3 {
			continue
		}
		base, file := root, "memory.max"
		if parts[1] == "memory" {
			base, file = filepath.Join(root, "memory"), "memory.limit_in_bytes"
		} else if parts[1] != "" {
			continue
		}
		// In a container the group's own path may not be visible, only its top.
		for dir := filepath.Join("/", parts[2]); ; dir = filepath.Dir(dir) {
			text, err := os.ReadFile(filepath.Join(base, dir, file))
			if n, bad := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && bad == nil && n > 0 && (least == 0 || n < least) {
				least = n
			}
			if dir == "/" {
				break
			}
		}
	}
	return least
}

// totalMemory is the machine's memory in bytes as Linux reports it, 0 where it is not known.
func totalMemory() int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var kilobytes int64
		if _, err := fmt.Sscanf(s.Text(), "MemTotal: %d kB", &kilobytes); err == nil {
			return kilobytes * 1024
		}
	}
	return 0
}
