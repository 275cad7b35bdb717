package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/driver"
	"github.com/unnoise/unnoise/kernels/ptx"
)

// driverReport is what doctor says about the GPU driver.
type driverReport struct {
	Built     bool   `json:"built"`
	Library   string `json:"library"`    // the file that was loaded
	CUDA      string `json:"cuda"`       // newest CUDA version that the driver serves
	Module    string `json:"module"`     // version of the kernel module
	PTX       string `json:"ptx"`        // newest PTX version that the driver compiles
	PTXNeeded string `json:"ptx_needed"` // newest PTX version of the kernels that every GPU runs
	Error     string `json:"error,omitempty"`
	Advice    string `json:"advice,omitempty"`
}

// gpuReport is what doctor says about a GPU.
type gpuReport struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	UUID        string `json:"uuid"`
	Capability  string `json:"compute_capability"`
	SMs         int    `json:"sms"`
	MemoryBytes int64  `json:"memory_bytes"`
	Usable      bool   `json:"usable"` // a kernel was compiled, run and gave the right answer
	Error       string `json:"error,omitempty"`
	Advice      string `json:"advice,omitempty"`
}

// cacheReport describes the folder of compiled kernels.
type cacheReport struct {
	Folder  string `json:"folder"`
	Entries int    `json:"entries"`
	Bytes   int64  `json:"bytes"`
}

func openGPU(id string) (cuda.Props, error) {
	d, err := cuda.Open(id)
	if err != nil {
		return cuda.Props{}, err
	}
	return d.Props(), d.Close()
}

// explain parts an error of the device into what happened and what to do about it.
func explain(err error) (what, advice string) {
	var e *cuda.Error
	if !errors.As(err, &e) {
		return err.Error(), ""
	}
	short := *e
	short.Advice, short.Call = "", ""
	return short.Error(), e.Advice
}

// findGPUs fills in what depends on the driver.
func (d *diagnosis) findGPUs() {
	s := driver.Inspect()
	d.Driver = driverReport{Built: s.Built, Library: s.Library, CUDA: s.CUDA, Module: s.Driver, PTX: s.PTX, PTXNeeded: ptxNeeded()}
	if s.Err != nil && len(s.Devices) == 0 {
		d.Driver.Error, d.Driver.Advice = explain(s.Err)
	}
	for _, i := range s.Devices {
		p := gpuReport{ID: i.ID, Name: i.Name, UUID: i.UUID, Capability: fmt.Sprintf("%d.%d", i.Major, i.Minor), SMs: i.SMs, MemoryBytes: i.TotalMemory}
		err := i.Err
		if err == nil {
			_, err = openGPU(i.ID)
		}
		if err != nil {
			p.Error, p.Advice = explain(err)
		}
		p.Usable = err == nil
		d.GPUs = append(d.GPUs, p)
	}
	d.Cache = inspectCache()
	d.choose()
}

// choose says what --device auto stands for.
func (d *diagnosis) choose() {
	d.Device = "cpu"
	switch {
	case d.Driver.Error != "":
		d.Why = d.Driver.Error
	case len(d.GPUs) == 0:
		d.Why = "there is no GPU"
	case !d.GPUs[0].Usable:
		d.Why = d.GPUs[0].Error
	default:
		d.Device, d.Why, d.DTypes = d.GPUs[0].ID, "a test kernel ran on "+d.GPUs[0].Name, "f32, bf16"
	}
}

// ptxNeeded is the newest version among the kernels without a variant for one architecture only.
func ptxNeeded() string {
	var major, minor int
	for _, name := range ptx.Modules() {
		text, err := ptx.Source(name)
		if err != nil {
			continue
		}
		var a, b int
		var target string
		for line := range strings.Lines(string(text)) {
			_, _ = fmt.Sscanf(line, ".version %d.%d", &a, &b)
			if _, err := fmt.Sscanf(line, ".target %s", &target); err == nil {
				break
			}
		}
		if !strings.HasSuffix(target, "a") && (a > major || a == major && b > minor) {
			major, minor = a, b
		}
	}
	return fmt.Sprintf("%d.%d", major, minor)
}

func inspectCache() cacheReport {
	var r cacheReport
	var err error
	if r.Folder, err = driver.CacheDir(); err != nil {
		return r
	}
	files, err := filepath.Glob(filepath.Join(r.Folder, "*"))
	if err != nil {
		return r
	}
	for _, f := range files {
		if info, err := os.Stat(f); err == nil && info.Mode().IsRegular() {
			r.Entries++
			r.Bytes += info.Size()
		}
	}
	return r
}

func (r *driverReport) findings() []finding {
	if r.Library == "" {
		return []finding{{"driver", r.Error, r.Advice}}
	}
	list := []finding{{"driver", r.Library, ""}}
	if r.Module != "" {
		list[0].value += ", kernel module " + r.Module
	}
	if r.CUDA != "" {
		list = append(list, finding{"cuda", fmt.Sprintf("%s; compiles PTX up to %s, the kernels need %s", r.CUDA, orNone(r.PTX), r.PTXNeeded), ""})
	}
	if r.Error != "" {
		list = append(list, finding{"gpus", r.Error, r.Advice})
	}
	return list
}

func (p *gpuReport) findings() []finding {
	f := finding{p.ID, fmt.Sprintf("%s, compute capability %s, %d SMs, %.1f GiB", p.Name, p.Capability, p.SMs, float64(p.MemoryBytes)/(1<<30)), ""}
	if p.Usable {
		f.value += "; a test kernel ran"
		return []finding{f}
	}
	return []finding{f, {"", p.Error, p.Advice}}
}

func (r *cacheReport) finding() finding {
	if r.Folder == "" {
		return finding{"cache", "none: the user has no cache folder", "set XDG_CACHE_HOME or HOME, or kernels are compiled at every start"}
	}
	return finding{"cache", fmt.Sprintf("%s, %d compiled kernel files, %.1f MiB", r.Folder, r.Entries, float64(r.Bytes)/(1<<20)), ""}
}
