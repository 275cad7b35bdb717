package checkpoint

import (
	"io/fs"
	"path/filepath"
	"slices"
)

// runFiles are the files that a run's checkpoint consists of.
var runFiles = []string{unetDir + "/" + configFile, unetDir + "/" + weightsFile,
	schedulerDir + "/" + schedulerFile, indexFile, stateFile, checksumsFile}

// WrittenBy reports whether a folder is a checkpoint that a run wrote and nothing else: it holds a
// run's files alone, and its training state, unless that is damaged, has the given metadata. A link
// is no such folder.
func WrittenBy(path string, metadata map[string]string) bool {
	marked := false
	err := filepath.WalkDir(path, func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(path, file)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		marked = marked || name == stateFile || name == checksumsFile
		if e.IsDir() && slices.Contains([]string{".", unetDir, schedulerDir}, name) ||
			e.Type().IsRegular() && slices.Contains(runFiles, name) {
			return nil
		}
		return fs.ErrInvalid
	})
	if err != nil || !marked {
		return false
	}
	f, err := Open(filepath.Join(path, stateFile))
	if err != nil {
		return true
	}
	defer f.Close()
	for key, value := range metadata {
		if f.Metadata()[key] != value {
			return false
		}
	}
	return true
}
