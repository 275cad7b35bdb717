package pickle

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"strings"
)

// readZip reads the format of torch 1.6 and later: NAME/data.pkl and a NAME/data/KEY for each storage, not compressed.
func (f *File) readZip() error {
	z, err := zip.NewReader(f.r, f.size)
	if err != nil {
		return fmt.Errorf("not a whole zip file (truncated?): %w", err)
	}
	entries := make(map[string]*zip.File, len(z.File))
	prefix := ""
	for _, e := range z.File {
		if entries[e.Name] != nil {
			return fmt.Errorf("%q appears twice", clip(e.Name))
		}
		entries[e.Name] = e
		folder, base, ok := strings.Cut(e.Name, "/")
		if !ok || base != "data.pkl" {
			continue
		}
		if prefix != "" {
			return fmt.Errorf("two pickles: in %q and %q", clip(prefix), clip(folder))
		}
		prefix = folder
	}
	pkl := entries[prefix+"/data.pkl"]
	if pkl == nil {
		return errors.New("no data.pkl in it: a zip file, but not one of torch.save")
	}
	if err := checkByteOrder(entries[prefix+"/byteorder"]); err != nil {
		return err
	}
	at, size, err := f.stored(pkl)
	if err != nil {
		return err
	}
	if f.root, err = unpickle(newStream(f.r, at, size), f.reference); err != nil {
		return err
	}
	for key, s := range f.all {
		e := entries[prefix+"/data/"+key]
		if e == nil {
			return fmt.Errorf("no %q in it, a storage of a tensor", clip(prefix+"/data/"+key))
		}
		at, size, err := f.stored(e)
		if err == nil {
			err = f.place(s, at, size)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stored returns where the bytes of an entry lie in the file.
func (f *File) stored(e *zip.File) (at, size int64, err error) {
	if e.Method != zip.Store {
		return 0, 0, fmt.Errorf("%q is compressed, which torch.save never does: load the file in PyTorch and save it again", clip(e.Name))
	}
	at, err = e.DataOffset()
	if err != nil {
		return 0, 0, fmt.Errorf("%q: %w", clip(e.Name), err)
	}
	if at < 0 || at > f.size || e.UncompressedSize64 > uint64(f.size-at) {
		return 0, 0, fmt.Errorf("%q lies outside the file (truncated?)", clip(e.Name))
	}
	return at, int64(e.UncompressedSize64), nil
}

// checkByteOrder refuses files of big-endian machines. Files before torch 2.1 do not say.
func checkByteOrder(e *zip.File) error {
	if e == nil {
		return nil
	}
	r, err := e.Open()
	if err != nil {
		return fmt.Errorf("%q: %w", clip(e.Name), err)
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, 16))
	if err != nil {
		return fmt.Errorf("%q: %w", clip(e.Name), err)
	}
	if order := strings.TrimSpace(string(text)); order != "little" {
		return fmt.Errorf("its byte order is %q, expected \"little\"", order)
	}
	return nil
}
