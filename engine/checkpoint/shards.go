package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
)

// maxShards bounds the files of one network.
const maxShards = 1000

// shards is a network split over several files, which an index lists: {"weight_map": {TENSOR: FILE}}.
type shards struct {
	path  string
	files map[string]source // by name
	names []string
	where map[string]string // tensor -> file name
}

// openShards opens an index and the files it names, which lie beside it. Each tensor must be in the file that the index gives
// and in no other.
func openShards(path string) (*shards, error) {
	text, err := ReadText(path)
	if err != nil {
		return nil, err
	}
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s := &shards{path: path, files: map[string]source{}, where: index.WeightMap}
	s.names = slices.Sorted(maps.Keys(index.WeightMap))
	if err := s.open(); err != nil {
		s.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func (s *shards) open() error {
	if len(s.names) == 0 {
		return errors.New(`no "weight_map" of tensors in it`)
	}
	for _, name := range s.names {
		file := s.where[name]
		if s.files[file] == nil {
			if err := s.openFile(file); err != nil {
				return err
			}
		}
		if _, ok := s.files[file].Info(name); !ok {
			return fmt.Errorf("tensor %q is not in %s, where the index has it", name, file)
		}
	}
	for file, f := range s.files {
		for _, name := range f.Names() {
			if s.where[name] != file {
				return fmt.Errorf("%s holds tensor %q, which the index does not have there", file, name)
			}
		}
	}
	return nil
}

// openFile opens a shard.
func (s *shards) openFile(name string) error {
	if name != filepath.Base(name) || name == "." || name == ".." {
		return fmt.Errorf("file %q is not beside the index", name)
	}
	if filepath.Ext(name) == ".json" {
		return fmt.Errorf("file %q is no file of tensors", name)
	}
	if len(s.files) == maxShards {
		return fmt.Errorf("more than %d files", maxShards)
	}
	f, err := openSource(filepath.Join(filepath.Dir(s.path), name))
	if err == nil {
		s.files[name] = f
	}
	return err
}

func (s *shards) Path() string    { return s.path }
func (s *shards) Names() []string { return s.names }

func (s *shards) Info(name string) (Info, bool) {
	f := s.files[s.where[name]]
	if f == nil {
		return Info{}, false
	}
	return f.Info(name)
}

func (s *shards) ReadFloat32(name string, dst []float32) error {
	f := s.files[s.where[name]]
	if f == nil {
		return fmt.Errorf("%s: no tensor %q", s.path, name)
	}
	return f.ReadFloat32(name, dst)
}

// Close closes every file.
func (s *shards) Close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
