package driver

import (
	"os"
	"path/filepath"
)

// Status is what can be said about the driver without opening a device.
type Status struct {
	Built        bool         // this program contains the driver interface
	Library      string       // path of the driver library, empty if none was loaded
	LibraryError string       // why none was loaded
	CUDA         string       // newest CUDA version that the driver serves, "12.4"; empty if unknown
	Driver       string       // version of the kernel module, "550.163.01"; empty if unknown
	PTX          string       // newest PTX version that the driver compiles, "8.4"; empty if unknown
	Err          error        // why no device can be used; nil if Devices has one that can
	Devices      []DeviceInfo // in the driver's order
}

// DeviceInfo describes a GPU.
type DeviceInfo struct {
	ID           string // "cuda:0"
	Name         string
	UUID         string
	Major, Minor int // compute capability
	SMs          int
	TotalMemory  int64 // bytes
	Err          error // why this GPU cannot be used; nil if nothing speaks against it
}

// CacheDir is the folder of compiled kernels; it need not exist. It fails where the user has no cache directory.
func CacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(base, "unnoise", "cubin"), nil
}
