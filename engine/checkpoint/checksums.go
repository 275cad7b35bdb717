package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/unnoise/unnoise/engine/safefile"
)

// checksumsFile lists the SHA-256 of every other file of a checkpoint of a run, in the format of sha256sum.
const checksumsFile = "checksums.sha256"

// checksumLine matches a line: 64 lowercase digits, two spaces, a path with slashes.
var checksumLine = regexp.MustCompile(`^([0-9a-f]{64})  ([A-Za-z0-9_./-]+)$`)

// checksumText lists sums by path, sorted.
func checksumText(sums map[string][sha256.Size]byte) []byte {
	var lines []string
	for path, sum := range sums {
		lines = append(lines, fmt.Sprintf("%s  %s\n", hex.EncodeToString(sum[:]), path))
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[66:], b[66:]) })
	return []byte(strings.Join(lines, ""))
}

// Verify compares the files of a checkpoint with its checksums. The error names the file that differs. A directory without
// checksums, which another program or an older release wrote, has its safetensors files opened instead.
func Verify(dir string) error {
	path := filepath.Join(dir, checksumsFile)
	text, err := safefile.ReadFile(path, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return verifyHeaders(dir)
	}
	if err != nil {
		return err
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	if len(lines[len(lines)-1]) > 0 || len(lines) == 1 {
		return fmt.Errorf("%s: the file is empty or cut short", path)
	}
	for i, line := range lines[:len(lines)-1] {
		m := checksumLine.FindSubmatch(bytes.TrimSuffix(line, []byte("\n")))
		if m == nil || !filepath.IsLocal(string(m[2])) {
			return fmt.Errorf("%s: line %d is damaged", path, i+1)
		}
		file := filepath.Join(dir, filepath.FromSlash(string(m[2])))
		sum, err := fileChecksum(file)
		if err != nil {
			return err
		}
		if hex.EncodeToString(sum) != string(m[1]) {
			return fmt.Errorf("%s: its SHA-256 is not the one in %s: the file is damaged, or was changed (then delete %s)",
				file, checksumsFile, path)
		}
	}
	return nil
}

func fileChecksum(path string) ([]byte, error) {
	f, err := safefile.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return h.Sum(nil), nil
}

// verifyHeaders opens the safetensors files of a checkpoint without checksums, which finds those that are empty or cut short.
func verifyHeaders(dir string) error {
	for _, name := range []string{filepath.Join(unetDir, weightsFile), stateFile} {
		f, err := Open(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// Newest returns the newest whole checkpoint in a run's checkpoints folder, nil if there is none at all. The notes name newer ones
// that are damaged. If all are damaged the error names the newest.
func Newest(dir string) (entry *Entry, notes []string, err error) {
	for range mostTries {
		list, err := List(dir)
		if err != nil || len(list) == 0 {
			return nil, nil, err
		}
		entry, notes, err = newestOf(list, dir)
		if !errors.Is(err, errPruned) {
			return entry, notes, err
		}
	}
	return nil, nil, fmt.Errorf("%s: %w", dir, err)
}

// errPruned says that a checkpoint was removed while it was read: the run that is under way has newer ones.
var errPruned = errors.New("every checkpoint was removed while it was read: take one by its name, or set train.keep_checkpoints higher")

// newestOf is Newest of the entries of a folder, not empty.
func newestOf(list []Entry, dir string) (entry *Entry, notes []string, err error) {
	var first error
	for _, e := range slices.Backward(list) {
		err := checkWhole(e.Path)
		if err == nil {
			return &e, notes, nil
		}
		if removed(e.Path) {
			return nil, nil, errPruned
		}
		if first == nil {
			first = err
		}
		notes = append(notes, fmt.Sprintf("checkpoint %s is damaged and passed over: %v", e.Path, err))
	}
	return nil, nil, fmt.Errorf("no whole checkpoint is left in %s: %w", dir, first)
}

// checkWhole is Verify, and requires the network's configuration and weights.
func checkWhole(dir string) error {
	for _, name := range []string{configFile, weightsFile} {
		if existing(filepath.Join(dir, unetDir), name) == "" && existing(dir, name) == "" {
			return fmt.Errorf("%s: no %s in it", dir, name)
		}
	}
	return Verify(dir)
}
