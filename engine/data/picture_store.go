package data

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// maxFolderDepth bounds the nesting of folders, which symbolic links may make endless.
const maxFolderDepth = 16

// folderStore is a folder with its sub-folders.
type folderStore struct {
	root  string
	names []string
}

func openFolder(root string) (*folderStore, error) {
	s := &folderStore{root: root}
	return s, s.list("", 0)
}

// list adds the files of a sub-folder, following symbolic links.
func (s *folderStore) list(sub string, depth int) error {
	dir := filepath.Join(s.root, filepath.FromSlash(sub))
	if depth > maxFolderDepth {
		return fmt.Errorf("%s: folders are nested deeper than %d: is there a symbolic link that leads back?", dir, maxFolderDepth)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		name := path.Join(sub, e.Name())
		mode := e.Type()
		if mode&os.ModeSymlink != 0 {
			target, err := os.Stat(filepath.Join(dir, e.Name()))
			if err != nil {
				return err
			}
			mode = target.Mode().Type()
		}
		switch {
		case mode.IsDir():
			if err := s.list(name, depth+1); err != nil {
				return err
			}
		case mode.IsRegular():
			s.names = append(s.names, name)
		}
	}
	return nil
}

func (s *folderStore) Names() []string { return s.names }
func (s *folderStore) Close() error    { return nil }
func (s *folderStore) Label(i int) string {
	return filepath.Join(s.root, filepath.FromSlash(s.names[i]))
}

func (s *folderStore) Read(i int) ([]byte, error) {
	f, err := os.Open(s.Label(i))
	if err != nil {
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

// readPicture reads a file that is said to have size bytes, and no more.
func readPicture(r io.Reader, size int64) ([]byte, error) {
	if size > MaxPictureBytes {
		return nil, fmt.Errorf("%d bytes; pictures of more than %d are refused", size, MaxPictureBytes)
	}
	b := make([]byte, 0, size)
	for len(b) < cap(b) {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, bare(err)
		}
	}
	if int64(len(b)) < size {
		return nil, fmt.Errorf("truncated: %d bytes of %d", len(b), size)
	}
	return b, nil
}

// zipStore is a zip archive. Folders that hold everything are left out of the names, so that an archive of a folder is the folder.
type zipStore struct {
	path  string
	close func() error
	files []*zip.File
	names []string
}

func openZip(file string) (*zipStore, error) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return nil, err
	}
	return newZipStore(file, &z.Reader, z.Close), nil
}

func newZipStore(file string, z *zip.Reader, close func() error) *zipStore {
	s := &zipStore{path: file, close: close}
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, "/") && !strings.HasPrefix(f.Name, "__MACOSX/") {
			s.files, s.names = append(s.files, f), append(s.names, f.Name)
		}
	}
	for {
		top, ok := commonFolder(s.names)
		if !ok {
			return s
		}
		for i, name := range s.names {
			s.names[i] = strings.TrimPrefix(name, top)
		}
	}
}

// commonFolder returns the first part of every name, with its slash, if it is one and the same folder.
func commonFolder(names []string) (string, bool) {
	if len(names) == 0 {
		return "", false
	}
	top, _, ok := strings.Cut(names[0], "/")
	for _, name := range names {
		if !ok || !strings.HasPrefix(name, top+"/") {
			return "", false
		}
	}
	return top + "/", true
}

func (s *zipStore) Names() []string    { return s.names }
func (s *zipStore) Close() error       { return s.close() }
func (s *zipStore) Label(i int) string { return s.path + ": " + s.files[i].Name }

func (s *zipStore) Read(i int) ([]byte, error) {
	f := s.files[i]
	// Deflate makes at most 1032 bytes of one.
	if declared, stored := f.UncompressedSize64, f.CompressedSize64; declared > MaxPictureBytes || declared/1100 > stored {
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
