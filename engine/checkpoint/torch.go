package checkpoint

import (
	"fmt"
	"math"
	"strings"

	"github.com/unnoise/unnoise/engine/checkpoint/pickle"
	"github.com/unnoise/unnoise/engine/gitlfs"
	"github.com/unnoise/unnoise/engine/safefile"
)

// torchFile is the state dict in a file of torch.save.
type torchFile struct {
	path    string
	file    *pickle.File
	names   []string
	tensors map[string]*pickle.Tensor
}

// openTorch reads the pickle of a file of torch.save and finds the state dict in it.
func openTorch(path string) (*torchFile, error) {
	if err := gitlfs.CheckFile(path); err != nil {
		return nil, err
	}
	f, err := pickle.Open(path)
	if err != nil {
		return nil, err
	}
	t := &torchFile{path: path, file: f, tensors: map[string]*pickle.Tensor{}}
	dict, err := stateDict(f.Root())
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	t.add(dict)
	return t, nil
}

// add lists a state dict's tensors. The prefix that DataParallel gives to all names is dropped.
func (t *torchFile) add(dict *pickle.Dict) {
	const parallel = "module."
	prefix := parallel
	for i, key := range dict.Keys {
		name, ok := key.(string)
		if _, tensor := dict.Values[i].(*pickle.Tensor); tensor && ok && !strings.HasPrefix(name, parallel) {
			prefix = ""
		}
	}
	for i, key := range dict.Keys {
		name, ok := key.(string)
		tensor, isTensor := dict.Values[i].(*pickle.Tensor)
		if ok && isTensor {
			name = strings.TrimPrefix(name, prefix)
			t.names = append(t.names, name)
			t.tensors[name] = tensor
		}
	}
}

func (t *torchFile) Path() string    { return t.path }
func (t *torchFile) Names() []string { return t.names }
func (t *torchFile) Close() error    { return t.file.Close() }

func (t *torchFile) Info(name string) (Info, bool) {
	tensor, ok := t.tensors[name]
	if !ok {
		return Info{}, false
	}
	info := Info{Name: name, DType: DType(tensor.DType()), end: tensor.Elements()}
	info.end *= info.DType.Size()
	for _, d := range tensor.Shape() {
		info.Shape = append(info.Shape, int(min(d, math.MaxInt)))
	}
	return info, true
}

func (t *torchFile) ReadFloat32(name string, dst []float32) error {
	info, ok := t.Info(name)
	if !ok {
		return fmt.Errorf("%s: no tensor %q", t.path, name)
	}
	if len(dst) != info.Elements() {
		return fmt.Errorf("%s: tensor %q has shape %v, %d elements: expected %d", t.path, name, info.Shape, info.Elements(), len(dst))
	}
	r, err := t.file.Reader(t.tensors[name])
	if err != nil {
		return fmt.Errorf("%s: reading tensor %q: %w", t.path, name, err)
	}
	return readFloat32(r, dst, t.path, info)
}

// wrapperDepth is how deep a state dict may lie: {"model": {"state_dict": {...}}}.
const wrapperDepth = 2

// stateDict finds the dict of tensors in what was saved: the value itself, or the only one inside it. Other entries, such as
// the step or the state of an optimizer (whose keys are integers), are passed over.
func stateDict(root any) (*pickle.Dict, error) {
	dict, ok := root.(*pickle.Dict)
	if !ok {
		return nil, fmt.Errorf("the file holds no dict of tensors: save a network with torch.save(model.state_dict(), FILE)")
	}
	var found []*pickle.Dict
	var names []string
	walkDicts(dict, "", wrapperDepth, func(name string, d *pickle.Dict) {
		found, names = append(found, d), append(names, name)
	})
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("the file holds no dict of tensors: save a network with torch.save(model.state_dict(), FILE)")
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("the file holds %d dicts of tensors: %s; save the one to use alone, "+
		"torch.save(torch.load(OLD)[%q], NEW)", len(found), abbreviate(names), names[len(names)-1])
}

// walkDicts visits the dicts that hold a tensor under a string key. A dict with tensors is not searched further.
func walkDicts(d *pickle.Dict, name string, depth int, visit func(string, *pickle.Dict)) {
	for i, key := range d.Keys {
		_, text := key.(string)
		if _, ok := d.Values[i].(*pickle.Tensor); ok && text {
			visit(name, d)
			return
		}
	}
	if depth == 0 {
		return
	}
	for i, key := range d.Keys {
		inner, ok := d.Values[i].(*pickle.Dict)
		if text, isText := key.(string); ok && isText {
			walkDicts(inner, strings.TrimPrefix(name+"."+text, "."), depth-1, visit)
		}
	}
}

// ReadText reads a configuration. The error names a Git LFS pointer as what it is.
func ReadText(path string) ([]byte, error) {
	text, err := safefile.ReadFile(path, 0)
	if err != nil {
		return nil, err
	}
	if err := gitlfs.Check(text); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return text, nil
}
