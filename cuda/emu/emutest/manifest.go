package emutest

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ManifestLine is what scripts/ptx.sh recorded about one PTX file.
type ManifestLine struct {
	PTX        string // file name
	PTXHash    string // SHA-256, hexadecimal
	SourceHash string // SHA-256 of compiler, flags and sources
	Compiler   string
	Flags      string
	Sources    []string // relative to the repository, the .cu file first
}

// ReadManifest reads manifest.txt of a folder of PTX.
func ReadManifest(folder string) ([]ManifestLine, error) {
	path := filepath.Join(folder, "manifest.txt")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var lines []ManifestLine
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		f := strings.Split(line, "\t")
		if len(f) != 6 || len(f[1]) != 64 || len(f[2]) != 64 || f[5] == "" {
			return nil, fmt.Errorf("%s:%d: want name, two SHA-256, compiler, flags and sources separated by tabs, got %q", path, i+1, line)
		}
		lines = append(lines, ManifestLine{f[0], f[1], f[2], f[3], f[4], strings.Fields(f[5])})
	}
	return lines, nil
}

// verify compares a line with the files; root is the repository.
func (l ManifestLine) verify(root, folder string) error {
	ptx, err := os.ReadFile(filepath.Join(folder, l.PTX))
	if err != nil {
		return err
	}
	if got := fmt.Sprintf("%x", sha256.Sum256(ptx)); got != l.PTXHash {
		return fmt.Errorf("%s was changed after scripts/ptx.sh wrote it: SHA-256 %s, the manifest says %s", l.PTX, got, l.PTXHash)
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %s\n", l.Compiler, l.Flags)
	for _, source := range l.Sources {
		text, err := os.ReadFile(filepath.Join(root, source))
		if err != nil {
			return fmt.Errorf("%s: its source is gone: %w", l.PTX, err)
		}
		fmt.Fprintf(sum, "%x  %s\n", sha256.Sum256(text), source)
	}
	if got := fmt.Sprintf("%x", sum.Sum(nil)); got != l.SourceHash {
		return fmt.Errorf("%s is older than its sources (%s)", l.PTX, strings.Join(l.Sources, ", "))
	}
	return nil
}

// CheckManifest fails the test for every problem that ManifestProblems finds.
func CheckManifest(tb testing.TB, root, folder string, sources []string) {
	tb.Helper()
	problems, err := ManifestProblems(root, folder, sources)
	if err != nil {
		tb.Fatal(err)
	}
	for _, p := range problems {
		tb.Errorf("%s; run scripts/ptx.sh (make ptx) and commit the result", p)
	}
}

// ManifestProblems lists every PTX file of a folder that does not belong to the
// present sources, every PTX file that the manifest does not list, and every
// given source that has no PTX. root is the repository.
func ManifestProblems(root, folder string, sources []string) ([]string, error) {
	lines, err := ReadManifest(folder)
	if err != nil {
		return nil, err
	}
	root, err = filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	var problems []string
	listed, compiled := map[string]bool{}, map[string]bool{}
	for _, l := range lines {
		listed[l.PTX] = true
		compiled[filepath.Join(root, l.Sources[0])] = true
		if err := l.verify(root, folder); err != nil {
			problems = append(problems, err.Error())
		}
	}
	found, err := filepath.Glob(filepath.Join(folder, "*.ptx"))
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		if !listed[filepath.Base(f)] {
			problems = append(problems, f+" is not in the manifest")
		}
	}
	for _, s := range sources {
		path, err := filepath.Abs(s)
		if err != nil {
			return nil, err
		}
		if !compiled[path] {
			problems = append(problems, s+" has no PTX")
		}
	}
	return problems, nil
}
