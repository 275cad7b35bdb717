package rundir

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Session is a program that trained a run from a step on.
type Session struct {
	Step      int    `json:"step"`
	Began     string `json:"began"`               // RFC 3339
	Machine   string `json:"machine"`             // what computed
	Type      string `json:"dtype"`               // of activations
	System    string `json:"system"`              // operating system, architecture, processors
	Processor string `json:"processor,omitempty"` // the model's name, where the system says it
	Program   string `json:"program"`             // Go's version
}

// NewSession describes this program, which begins now at a step: machine is what computes, dtype
// the type of activations.
func NewSession(step int, machine, dtype string) Session {
	return Session{Step: step, Began: time.Now().Format(time.RFC3339), Machine: machine, Type: dtype,
		System:    fmt.Sprintf("%s/%s, %d processors", runtime.GOOS, runtime.GOARCH, runtime.NumCPU()),
		Processor: processor(), Program: runtime.Version()}
}

// AppendSession adds a session to those of a run directory.
func AppendSession(dir string, s Session) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, SessionsFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	return errors.Join(err, f.Close())
}

// processor is the name that Linux has for this machine's processor, "" elsewhere.
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if key, name, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(name)
		}
	}
	return ""
}

// ReadSessions reads the sessions of a run directory; none where it has no such file.
func ReadSessions(dir string) ([]Session, error) {
	return readLines[Session](filepath.Join(dir, SessionsFile))
}

// ReadMetrics reads the record of a run directory.
func ReadMetrics(dir string) ([]Line, error) { return readLines[Line](filepath.Join(dir, MetricsFile)) }

// readLines reads a file of JSON objects, one a line; a last line that was cut off is passed over.
func readLines[T any](path string) ([]T, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var list []T
	for s := bufio.NewScanner(f); s.Scan(); {
		var x T
		if json.Unmarshal(s.Bytes(), &x) == nil {
			list = append(list, x)
		}
	}
	return list, nil
}
