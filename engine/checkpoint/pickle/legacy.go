package pickle

import (
	"errors"
	"fmt"
)

// legacyVersion is the protocol version of the legacy format.
const legacyVersion = 1001

// readLegacy reads the format before torch 1.6: pickles of a magic number, the protocol, the machine's properties, the value
// and the keys of its storages, then each storage as a number of elements (8 bytes) and the elements.
func (f *File) readLegacy() error {
	in := newStream(f.r, 0, f.size)
	magic, err := unpickle(in, nil)
	if err != nil {
		return fmt.Errorf("not a file of torch.save: %w", err)
	}
	if !isMagic(magic) {
		return errors.New("a pickle, but not one of torch.save: its magic number is missing")
	}
	version, err := unpickle(in, nil)
	if err != nil {
		return err
	}
	if version != int64(legacyVersion) {
		return fmt.Errorf("the version of its format is %s, expected %d", describe(version), legacyVersion)
	}
	info, err := unpickle(in, nil)
	if err != nil {
		return err
	}
	if d, ok := info.(*Dict); ok {
		if little, known := d.Get("little_endian"); known && little != true {
			return errors.New("it was written by a big-endian machine")
		}
	}
	if f.root, err = unpickle(in, f.reference); err != nil {
		return err
	}
	keys, err := unpickle(in, nil)
	if err != nil {
		return err
	}
	list, ok := keys.(*List)
	if !ok {
		return fmt.Errorf("the keys of its storages are %s, expected a list", kindOf(keys))
	}
	if err := f.placeInOrder(list.Items, in.at); err != nil {
		return err
	}
	return f.placed()
}

// placeInOrder finds the storages that follow each other from a position of the file.
func (f *File) placeInOrder(keys []any, at int64) error {
	for _, key := range keys {
		name, _ := key.(string)
		s, ok := f.all[name]
		if !ok || s.at >= 0 {
			return fmt.Errorf("storage %q belongs to no tensor, or is listed twice", clip(name))
		}
		n, err := newStream(f.r, at, f.size-at).uint(8)
		if err != nil {
			return fmt.Errorf("storage %q: %w", clip(name), err)
		}
		if n != uint64(s.n) {
			return fmt.Errorf("storage %q has %d elements in the file, %d in the pickle", clip(name), n, s.n)
		}
		at += 8
		if err := f.place(s, at, f.size-at); err != nil {
			return err
		}
		at += s.n * typeSizes[s.dtype]
	}
	return nil
}

// describe prints a scalar, or the kind of anything else.
func describe(v any) string {
	if n, ok := v.(int64); ok {
		return fmt.Sprint(n)
	}
	return kindOf(v)
}
