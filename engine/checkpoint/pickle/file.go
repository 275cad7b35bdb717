package pickle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"

	"github.com/unnoise/unnoise/engine/safefile"
)

// File is an open file of torch.save. Its methods may be called concurrently.
type File struct {
	r     io.ReaderAt
	size  int64
	root  any
	close func() error
	all   map[string]*storage
}

// Open reads the pickle of a file. The tensors' elements are read on demand. The caller closes the file.
func Open(path string) (*File, error) {
	f, err := safefile.Open(path)
	if err != nil {
		return nil, err
	}
	stat, err := f.Stat()
	if err == nil && !stat.Mode().IsRegular() {
		err = errors.New("is not a regular file")
	}
	var file *File
	if err == nil {
		file, err = New(f, stat.Size())
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	file.close = f.Close
	return file, nil
}

// New reads the pickle of size bytes that torch.save wrote, in either format.
func New(r io.ReaderAt, size int64) (*File, error) {
	f := &File{r: r, size: size, all: map[string]*storage{}}
	head := make([]byte, min(size, 4))
	if _, err := r.ReadAt(head, 0); err != nil {
		return nil, err
	}
	if bytes.Equal(head, []byte("PK\x03\x04")) {
		return f, f.readZip()
	}
	return f, f.readLegacy()
}

// Root returns the value that was saved.
func (f *File) Root() any { return f.root }

// Close closes the file.
func (f *File) Close() error {
	if f.close == nil {
		return nil
	}
	return f.close()
}

// reference resolves the persistent id of a storage: ("storage", class, key, location, elements), in the legacy format with a
// sixth item, None or (key, first element, elements) of a view.
func (f *File) reference(id any) (any, error) {
	t, ok := id.(*Tuple)
	if !ok || len(t.Items) != 5 && len(t.Items) != 6 || t.Items[0] != "storage" {
		return nil, fmt.Errorf("a reference is %s: expected the tuple of a storage", kindOf(id))
	}
	class, ok1 := t.Items[1].(*global)
	key, ok2 := t.Items[2].(string)
	n, ok3 := t.Items[4].(int64)
	if !ok1 || class.dtype == "" || !ok2 || !ok3 || n < 0 {
		return nil, errors.New("a storage has no class, key or number of elements")
	}
	if n > f.size/typeSizes[class.dtype] {
		return nil, fmt.Errorf("storage %q of %d elements is larger than the file (truncated?)", clip(key), n)
	}
	s, known := f.all[key]
	if !known {
		s = &storage{key: key, dtype: class.dtype, n: n, at: -1}
		f.all[key] = s
	}
	if s.dtype != class.dtype || s.n != n {
		return nil, fmt.Errorf("storage %q is %d elements of %s and %d of %s", clip(key), s.n, s.dtype, n, class.dtype)
	}
	if len(t.Items) == 6 && t.Items[5] != nil {
		return s.view(t.Items[5])
	}
	return s, nil
}

// view returns a part of a storage: (key, first element, elements).
func (s *storage) view(of any) (*storage, error) {
	items, ok := sequence(of)
	if !ok || len(items) != 3 {
		return nil, fmt.Errorf("storage %q: a view is %s, expected a tuple of 3", clip(s.key), kindOf(of))
	}
	base, ok1 := items[1].(int64)
	n, ok2 := items[2].(int64)
	if !ok1 || !ok2 || base < 0 || n < 0 || base > s.n || n > s.n-base {
		return nil, fmt.Errorf("storage %q: a view reaches beyond its %d elements", clip(s.key), s.n)
	}
	return &storage{key: s.key, dtype: s.dtype, n: n, root: s, base: base}, nil
}

// place records where a storage's bytes lie, room bytes long.
func (f *File) place(s *storage, at, room int64) error {
	if need := s.n * typeSizes[s.dtype]; need > room {
		return fmt.Errorf("storage %q of %d elements of %s has %d bytes, the file holds %d of them (truncated?)",
			clip(s.key), s.n, s.dtype, need, max(room, 0))
	}
	s.at = at
	return nil
}

// placed reports a storage that a tensor uses and the file lacks.
func (f *File) placed() error {
	for key, s := range f.all {
		if s.at < 0 {
			return fmt.Errorf("storage %q is missing", clip(key))
		}
	}
	return nil
}

// isMagic reports whether a value is the magic number of the legacy format.
func isMagic(v any) bool {
	n, ok := v.(*big.Int)
	return ok && n.Text(16) == "1950a86a20f9469cfc6c"
}
