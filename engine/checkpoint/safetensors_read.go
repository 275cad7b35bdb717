package checkpoint

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/unnoise/unnoise/engine/gitlfs"
	"github.com/unnoise/unnoise/engine/safefile"
)

// maxHeader is the longest header of a safetensors file, in bytes.
const maxHeader = 100_000_000

// Info describes one tensor of a safetensors file.
type Info struct {
	Name  string
	DType DType
	Shape []int // row-major; empty for a scalar

	begin, end int64 // bytes from the start of the data
}

// Elements returns the product of the shape.
func (i Info) Elements() int { return int((i.end - i.begin) / i.DType.Size()) }

// File is an open safetensors file. Its methods may be called concurrently.
type File struct {
	path     string
	r        io.ReaderAt
	close    func() error
	data     int64 // where the data starts
	names    []string
	infos    map[string]Info
	metadata map[string]string
}

// Open reads the header of a safetensors file and checks it against the
// file's size: no tensor may overlap another, lie outside the data or leave a
// hole. Tensors are read on demand. The caller closes the file.
func Open(path string) (*File, error) {
	f, err := safefile.Open(path)
	if err != nil {
		return nil, err
	}
	stat, err := f.Stat()
	if err == nil && stat.IsDir() {
		err = fmt.Errorf("is a directory, want a safetensors file")
	}
	var file *File
	if err == nil {
		file, err = newFile(path, f, stat.Size())
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	file.close = f.Close
	return file, nil
}

// newFile reads the header of size bytes of safetensors data.
func newFile(path string, r io.ReaderAt, size int64) (*File, error) {
	var prefix [8]byte
	if size < int64(len(prefix)) {
		return nil, fmt.Errorf("%d bytes are too few for a safetensors file (truncated?)", size)
	}
	if _, err := r.ReadAt(prefix[:], 0); err != nil {
		return nil, fmt.Errorf("reading the header length: %w", err)
	}
	if err := gitlfs.Check(prefixText(r, size)); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > maxHeader {
		return nil, fmt.Errorf("the header claims %d bytes, the format allows %d: not a safetensors file, or a damaged one", n, maxHeader)
	}
	if int64(n) > size-8 {
		return nil, fmt.Errorf("the header claims %d bytes, the file has only %d (truncated?)", n, size)
	}
	header := make([]byte, n)
	if _, err := r.ReadAt(header, 8); err != nil {
		return nil, fmt.Errorf("reading the header: %w", err)
	}
	h, err := parseHeader(header)
	if err != nil {
		return nil, fmt.Errorf("safetensors header: %w", err)
	}
	f := &File{path: path, r: r, data: 8 + int64(n), infos: make(map[string]Info, len(h.infos)), metadata: h.metadata}
	if err := checkLayout(h.infos, size-f.data); err != nil {
		return nil, err
	}
	for _, info := range h.infos {
		f.names = append(f.names, info.Name)
		f.infos[info.Name] = info
	}
	return f, nil
}

// prefixText returns the first bytes of a file, enough to recognize a Git LFS pointer.
func prefixText(r io.ReaderAt, size int64) []byte {
	head := make([]byte, min(size, 64))
	n, _ := r.ReadAt(head, 0) // what cannot be read is reported by the reads that follow
	return head[:n]
}

// checkLayout sorts the tensors by offset and refuses overlaps, holes and
// offsets outside the data.
func checkLayout(infos []Info, size int64) error {
	slices.SortStableFunc(infos, func(a, b Info) int {
		if a.begin != b.begin {
			return int(min(max(a.begin-b.begin, -1), 1))
		}
		return int(min(max(a.end-b.end, -1), 1))
	})
	at := int64(0)
	for _, t := range infos {
		switch {
		case t.end > size:
			return fmt.Errorf("tensor %q ends at byte %d of the data, the file has only %d (truncated?)", t.Name, t.end, size)
		case t.begin < at:
			return fmt.Errorf("tensor %q starts at byte %d of the data, inside the tensor before it that ends at %d", t.Name, t.begin, at)
		case t.begin > at:
			return fmt.Errorf("tensor %q starts at byte %d of the data, leaving a hole after byte %d", t.Name, t.begin, at)
		}
		at = t.end
	}
	if at != size {
		return fmt.Errorf("the tensors end at byte %d of the data, the file has %d", at, size)
	}
	return nil
}

// Close closes the file.
func (f *File) Close() error {
	if f.close == nil {
		return nil
	}
	return f.close()
}

// Path returns the path that was opened.
func (f *File) Path() string { return f.path }

// Names returns the tensors' names in the order of their data. The caller must
// not change the slice.
func (f *File) Names() []string { return f.names }

// Metadata returns the "__metadata__" of the header, nil if it has none.
func (f *File) Metadata() map[string]string { return f.metadata }

// Info returns a tensor's description and whether the file has it.
func (f *File) Info(name string) (Info, bool) {
	info, ok := f.infos[name]
	return info, ok
}

// ReadFloat32 reads a tensor of any float or integer type into dst, which has
// one element for each of the tensor's. F64 and integers are rounded to the
// nearest float32.
func (f *File) ReadFloat32(name string, dst []float32) error {
	info, ok := f.infos[name]
	if !ok {
		return fmt.Errorf("%s: no tensor %q", f.path, name)
	}
	if len(dst) != info.Elements() {
		return fmt.Errorf("%s: tensor %q has shape %v, %d elements: want %d", f.path, name, info.Shape, info.Elements(), len(dst))
	}
	section := io.NewSectionReader(f.r, f.data+info.begin, info.end-info.begin)
	return readFloat32(section, dst, f.path, info)
}
