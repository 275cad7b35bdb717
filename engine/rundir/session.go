package rundir

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/unnoise/unnoise/engine/safefile"
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

// AppendSession adds a session to those of a run directory, whose file is written anew: a link in
// its place leads elsewhere.
func AppendSession(dir string, s Session) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, SessionsFile)
	old, err := safefile.ReadFile(path, 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if n := len(old); n > 0 && old[n-1] != '\n' { // a line that was cut off
		old = append(old, '\n')
	}
	return safefile.WriteFile(path, append(append(old, text...), '\n'))
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
	text, err := safefile.ReadFile(path, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []T
	for line := range bytes.Lines(text) {
		var x T
		if json.Unmarshal(line, &x) == nil {
			list = append(list, x)
		}
	}
	return list, nil
}
