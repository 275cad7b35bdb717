package data

import (
	"archive/zip"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// maxFolderDepth bounds the nesting of folders.
const maxFolderDepth = 32

// folderStore is a folder with its sub-folders.
type folderStore struct {
	root   string
	names  []string
	broken map[int]error // entries that cannot be read, whatever their names
	notes  []string
	linked []os.FileInfo // folders that links have led to
}

func openFolder(root string) (*folderStore, error) {
	s := &folderStore{root: root, broken: map[int]error{}}
	info, err := os.Stat(root)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	s.list("", entries, []os.FileInfo{info})
	return s, nil
}

// list adds the entries of a sub-folder, following symbolic links. above are the folder and those that it lies in.
func (s *folderStore) list(sub string, entries []os.DirEntry, above []os.FileInfo) {
	for _, e := range entries {
		name := path.Join(sub, e.Name())
		if hidden(e.Name()) {
			continue
		}
		file := filepath.Join(s.root, filepath.FromSlash(name))
		if e.Type().IsRegular() {
			s.names = append(s.names, name)
			continue
		}
		info, err := os.Stat(file)
		switch {
		case err != nil:
			s.names = append(s.names, name) // reading it gives the error
		case info.IsDir() && e.Type()&os.ModeSymlink != 0 && s.again(info):
			s.notes = append(s.notes, fmt.Sprintf("left out: %s, a link to a folder that another link has led to", file))
		case info.IsDir():
			s.listFolder(name, file, info, above)
		case info.Mode().IsRegular():
			s.names = append(s.names, name)
		default:
			s.names = append(s.names, name)
			s.broken[len(s.names)-1] = fmt.Errorf("not a regular file (%v)", info.Mode().Type())
		}
	}
}

// again reports whether a link has led to a folder before: links that fan out would list the same pictures without end.
func (s *folderStore) again(info os.FileInfo) bool {
	if slices.ContainsFunc(s.linked, func(f os.FileInfo) bool { return os.SameFile(f, info) }) {
		return true
	}
	s.linked = append(s.linked, info)
	return false
}

func (s *folderStore) listFolder(name, file string, info os.FileInfo, above []os.FileInfo) {
	for _, a := range above {
		if os.SameFile(a, info) {
			s.notes = append(s.notes, fmt.Sprintf("left out: %s, a link back to a folder that it lies in", file))
			return
		}
	}
	entries, err := os.ReadDir(file)
	if err == nil && len(above) >= maxFolderDepth {
		err = fmt.Errorf("folders are nested deeper than %d", maxFolderDepth)
	}
	if err != nil {
		s.names = append(s.names, name+"/") // which is no file's name
		s.broken[len(s.names)-1] = bare(err)
		return
	}
	s.list(name, entries, append(above[:len(above):len(above)], info))
}

func (s *folderStore) Names() []string { return s.names }
func (s *folderStore) Notes() []string { return s.notes }
func (s *folderStore) Close() error    { return nil }
func (s *folderStore) Label(i int) string {
	return filepath.Join(s.root, filepath.FromSlash(s.names[i]))
}

func (s *folderStore) Read(i int) ([]byte, error) {
	if err := s.broken[i]; err != nil {
		return nil, err
	}
	f, err := os.Open(s.Label(i))
	if err != nil {
		if target, link := os.Readlink(s.Label(i)); link == nil {
			return nil, fmt.Errorf("a symbolic link to %s: %w", target, bare(err))
		}
		return nil, bare(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, bare(err)
	}
	return readPicture(f, info.Size())
}

// bare is an error of the file system without the path, which the caller names.
func bare(err error) error {
	var e *os.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// readPicture reads a file that is said to have size bytes, and no more. Memory grows with the bytes that arrive.
func readPicture(r io.Reader, size int64) ([]byte, error) {
	if size > MaxPictureBytes {
		return nil, fmt.Errorf("%d bytes; pictures of more than %d are refused", size, MaxPictureBytes)
	}
	var b bytes.Buffer
	b.Grow(int(min(size, 1<<20)))
	if _, err := io.Copy(&b, io.LimitReader(r, size)); err != nil {
		return nil, bare(err)
	}
	if int64(b.Len()) < size {
		return nil, fmt.Errorf("truncated: %d bytes of %d", b.Len(), size)
	}
	return b.Bytes(), nil
}

// zipStore is a zip archive.
type zipStore struct {
	path  string
	files []*zip.File
	names []string
	close func() error
}

func openZip(path string) (*zipStore, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, err
	}
	s := newZipStore(path, &z.Reader, z.Close)
	if err := s.checkMethods(); err != nil {
		return nil, errors.Join(err, z.Close())
	}
	return s, nil
}

func newZipStore(path string, z *zip.Reader, close func() error) *zipStore {
	s := &zipStore{path: path, close: close}
	z.RegisterDecompressor(zipBzip2, func(r io.Reader) io.ReadCloser { return io.NopCloser(bzip2.NewReader(r)) })
	for _, f := range z.File {
		if name := slashes(f.Name); !strings.HasSuffix(name, "/") {
			s.files, s.names = append(s.files, f), append(s.names, name)
		}
	}
	return s
}

// zipBzip2 is the compression method of bzip2, which archive/zip leaves to its users (APPNOTE 4.4.5).
const zipBzip2 = 12

// zipMethods names compression methods that are not read.
var zipMethods = map[uint16]string{1: "shrink", 6: "implode", 9: "deflate64", 14: "LZMA", 93: "zstd", 95: "xz", 96: "JPEG", 98: "PPMd", 99: "AES encryption"}

// unreadable says why an entry's packing is not read; nil where it is.
func unreadable(f *zip.File) error {
	if f.Flags&1 != 0 {
		return errors.New("encrypted: unpack the archive with its password, and use the folder")
	}
	switch f.Method {
	case zip.Store, zip.Deflate, zipBzip2:
		return nil
	}
	name := zipMethods[f.Method]
	if name != "" {
		name = " (" + name + ")"
	}
	return fmt.Errorf("packed by method %d%s, expected store, deflate or bzip2: zip the files again with deflate",
		f.Method, name)
}

// checkMethods refuses an archive in which every picture is packed in a way that is not read.
func (s *zipStore) checkMethods() error {
	var first error
	n := 0
	for i, f := range s.files {
		if hidden(s.names[i]) || !isPicture(s.names[i]) {
			continue
		}
		err := unreadable(f)
		if err == nil {
			return nil
		}
		if n++; first == nil {
			first = err
		}
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d pictures are %w", n, n, first)
}

func (s *zipStore) Names() []string    { return s.names }
func (s *zipStore) Notes() []string    { return nil }
func (s *zipStore) Close() error       { return s.close() }
func (s *zipStore) Label(i int) string { return s.path + ": " + s.files[i].Name }

func (s *zipStore) Read(i int) ([]byte, error) {
	f := s.files[i]
	if err := unreadable(f); err != nil {
		return nil, err
	}
	// Deflate makes at most 1032 bytes of one.
	if declared, stored := f.UncompressedSize64, f.CompressedSize64; declared > MaxPictureBytes || f.Method != zipBzip2 && declared/1100 > stored {
		return nil, fmt.Errorf("the archive claims %d bytes, packed in %d; refused", declared, stored)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := readPicture(r, int64(f.UncompressedSize64))
	if err != nil {
		return nil, err
	}
	// The last read checks the length and the sum.
	if n, err := r.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the entry does not hold what the archive says (%v)", err)
	}
	return b, nil
}
