package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/unnoise/unnoise/engine/checkpoint/pyjson"
)

// tempPrefix starts the names of folders that are being written or deleted.
// Readers ignore them; the next Save removes them.
const tempPrefix = ".unnoise-tmp-"

// Checkpoint is what Save writes.
type Checkpoint struct {
	Config    []byte           // text of unet/config.json
	Scheduler *SchedulerConfig // scheduler/scheduler_config.json
	Index     []byte           // text of model_index.json; nil: made from the class names
	Library   string           // in model_index.json, the library that defines the network's class; "": diffusers

	// SchedulerText is written where Scheduler is nil: the file of another program, of any class.
	// Without either there is no scheduler/, and no model_index.json unless Index is set.
	SchedulerText []byte

	// Weights are the network's parameters (of a training run: their moving
	// average) under diffusers' names, row-major, convolutions OIHW.
	Weights []Tensor

	// State are the tensors of training_state.safetensors and StateInfo its
	// metadata. Without tensors and metadata the file is not written.
	State     []Tensor
	StateInfo map[string]string
}

// file is what Save needs of an open file.
type file interface {
	io.WriteCloser
	Sync() error
}

// saver writes directories; create stands for os.Create so that tests can
// fill the disk.
type saver struct {
	create func(path string) (file, error)
}

var osSaver = saver{create: func(path string) (file, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}}

// Save writes a checkpoint as the diffusers directory dir, with
// training_state.safetensors beside its parts. The directory appears complete
// or not at all, an older one of that name is replaced, and both hold after a
// power cut: files and folders are synced before and after the rename. Save
// also removes what an interrupted Save or Prune left beside dir. Only one
// process may save to the folder around dir at a time.
func Save(dir string, c *Checkpoint) error { return osSaver.save(dir, c) }

func (s saver) save(dir string, c *Checkpoint) error {
	dir = filepath.Clean(dir)
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return err
	}
	_ = RemoveLeftovers(parent) // one that stays is in no one's way
	temp := freeName(dir)
	if err := s.writeAll(temp, c); err != nil {
		return errors.Join(fmt.Errorf("saving %s: %w", dir, err), os.RemoveAll(temp))
	}
	if err := publish(temp, dir); err != nil {
		return errors.Join(fmt.Errorf("saving %s: %w", dir, err), os.RemoveAll(temp))
	}
	if err := syncDir(parent); err != nil {
		return err
	}
	_ = os.RemoveAll(temp) // the directory that was replaced, if any; what stays of it is a leftover
	return nil
}

// writeAll writes and syncs every file and folder of a checkpoint.
func (s saver) writeAll(dir string, c *Checkpoint) error {
	scheduler, index, err := c.texts()
	if err != nil {
		return err
	}
	unet, sched := filepath.Join(dir, unetDir), filepath.Join(dir, schedulerDir)
	folders := []string{dir, unet}
	if scheduler != nil {
		folders = append(folders, sched)
	}
	for _, d := range folders {
		if err := os.Mkdir(d, 0o777); err != nil {
			return err
		}
	}
	text := func(b []byte) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.Copy(w, bytes.NewReader(b)); return err }
	}
	parts := []part{
		{filepath.Join(unet, configFile), text(c.Config)},
		{filepath.Join(unet, weightsFile), func(w io.Writer) error { return Encode(w, FormatPT(), c.Weights) }},
	}
	if index != nil {
		parts = append(parts, part{filepath.Join(dir, indexFile), text(index)})
	}
	if scheduler != nil {
		parts = append(parts, part{filepath.Join(sched, schedulerFile), text(scheduler)})
	}
	if len(c.State)+len(c.StateInfo) > 0 {
		parts = append(parts, part{filepath.Join(dir, stateFile), func(w io.Writer) error { return Encode(w, c.StateInfo, c.State) }})
	}
	if err := s.writeParts(dir, parts, len(c.State)+len(c.StateInfo) > 0); err != nil {
		return err
	}
	for _, d := range slices.Backward(folders) {
		if err := syncDir(d); err != nil {
			return err
		}
	}
	return nil
}

// texts returns the scheduler's file and model_index.json, nil for one that is not to be written.
func (c *Checkpoint) texts() (scheduler, index []byte, err error) {
	scheduler, index = c.SchedulerText, c.Index
	if c.Scheduler != nil {
		if scheduler, err = c.Scheduler.JSON(); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", schedulerFile, err)
		}
	}
	if index == nil && scheduler != nil {
		index, err = c.modelIndex(scheduler)
	}
	return scheduler, index, err
}

// part is one file of a checkpoint.
type part struct {
	path  string
	write func(io.Writer) error
}

// writeParts writes the files of dir, and the checksums of a run's checkpoint.
func (s saver) writeParts(dir string, parts []part, checksums bool) error {
	sums := map[string][sha256.Size]byte{}
	for _, p := range parts {
		name, err := filepath.Rel(dir, p.path)
		if err != nil {
			return err
		}
		if sums[filepath.ToSlash(name)], err = s.writeFile(p); err != nil {
			return err
		}
	}
	if !checksums {
		return nil
	}
	_, err := s.writeFile(part{filepath.Join(dir, checksumsFile), func(w io.Writer) error {
		_, err := w.Write(checksumText(sums))
		return err
	}})
	return err
}

// writeFile writes and syncs a file and returns its checksum.
func (s saver) writeFile(p part) (sum [sha256.Size]byte, err error) {
	f, err := s.create(p.path)
	if err != nil {
		return sum, err
	}
	h := sha256.New()
	err = p.write(io.MultiWriter(f, h))
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return sum, fmt.Errorf("%s: %w", filepath.Base(p.path), err)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// modelIndex makes the text of model_index.json from the two configurations.
func (c *Checkpoint) modelIndex(scheduler []byte) ([]byte, error) {
	class, err := className(c.Config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", configFile, err)
	}
	schedulerClass, err := className(scheduler)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", schedulerFile, err)
	}
	library := c.Library
	if library == "" {
		library = "diffusers"
	}
	index := pyjson.NewObject()
	index.Set("_class_name", strings.Replace(schedulerClass, "Scheduler", "Pipeline", 1))
	index.Set("_diffusers_version", diffusersVersion)
	index.Set(schedulerDir, []any{"diffusers", schedulerClass})
	index.Set(unetDir, []any{library, class})
	return pyjson.Encode(index), nil
}

// className returns the "_class_name" of a configuration.
func className(text []byte) (string, error) {
	document, err := pyjson.ParseObject(text)
	if err != nil {
		return "", err
	}
	class, _ := document.Get("_class_name")
	name, ok := class.(string)
	if !ok {
		return "", fmt.Errorf("key \"_class_name\" is %s: expected a string", pyjson.Describe(class))
	}
	return name, nil
}

// publish gives temp the name dir. If dir exists the two swap names, so that
// there is a complete directory of that name at every moment.
func publish(temp, dir string) error {
	_, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return os.Rename(temp, dir)
	}
	if err != nil {
		return err
	}
	return exchange(temp, dir)
}

// freeName is a hidden name beside dir that nothing has.
func freeName(dir string) string {
	name := filepath.Join(filepath.Dir(dir), tempPrefix+filepath.Base(dir))
	for i, free := 1, name; ; i++ {
		if _, err := os.Lstat(free); err != nil {
			return free
		}
		free = fmt.Sprintf("%s-%d", name, i)
	}
}

// Prune removes all but the keep last of those checkpoints in a run's checkpoints folder that are
// the run's own. An interrupted removal leaves no partial checkpoint.
func Prune(dir string, keep int, own func(Entry) bool) error {
	if keep < 1 {
		return fmt.Errorf("keeping the last %d checkpoints: want at least 1", keep)
	}
	list, err := List(dir)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(e Entry) bool { return !own(e) })
	for i := range max(len(list)-keep, 0) {
		if err := Remove(list[i].Path); err != nil {
			return err
		}
	}
	return nil
}

// Remove removes a checkpoint. What cannot be removed of it stays as a leftover under a hidden name.
func Remove(path string) error {
	hidden := freeName(path)
	if err := os.Rename(path, hidden); err != nil {
		return err
	}
	_ = os.RemoveAll(hidden)
	return nil
}

// RemoveLeftovers deletes what interrupted writers left in a folder of checkpoints.
func RemoveLeftovers(dir string) error {
	items, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var failed error
	for _, item := range items {
		if strings.HasPrefix(item.Name(), tempPrefix) && item.IsDir() {
			failed = errors.Join(failed, os.RemoveAll(filepath.Join(dir, item.Name())))
		}
	}
	return failed
}

// syncDir makes the names in a folder durable, where the file system knows how.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	if closing := d.Close(); err == nil {
		err = closing
	}
	return err
}
