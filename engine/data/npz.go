package data

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/unnoise/unnoise/engine/npy"
	"github.com/unnoise/unnoise/engine/safefile"
)

// maxArrayClasses bounds what labels may be.
const maxArrayClasses = 1 << 20

// What arrays of a .npz file are called, in lower case without punctuation; the first that is there
// counts. The name of a part may stand before or after: x_train, train_images, images.
var (
	imageRoles = []string{"images", "x", "data", "arr0", "image", "img", "imgs", "samples", "pictures", ""}
	labelRoles = []string{"labels", "y", "arr1", "label", "targets", "target", "classes", "class"}
	partNames  = map[string]string{"training": "train", "train": "train", "testing": "test", "test": "test",
		"validation": "val", "valid": "val", "val": "val", "dev": "val"}
)

// npzNames are the entries of an archive by part ("", train, test, val).
type npzNames struct{ images, labels map[string]*zip.File }

// OpenNPZ opens a .npz file: samples and labels under the usual names, such as images and labels,
// x_train and y_train (Keras), train_images and train_labels (MedMNIST). Samples of a test part, or
// else a validation part, are held out; heldOut is nil where there is none. Entries that are not
// compressed are read row by row, others are unpacked into memory, at most maxBytes of each.
func OpenNPZ(file, layout string, maxBytes int64) (train, heldOut *Arrays, err error) {
	f, err := safefile.Open(file)
	if err != nil {
		return nil, nil, fmt.Errorf("data: %w", err)
	}
	info, err := f.Stat()
	if err == nil {
		train, heldOut, err = readNPZ(f, info.Size(), layout, maxBytes)
	}
	if err != nil {
		err = lfsPointer(f, err)
		f.Close()
		return nil, nil, fmt.Errorf("data: %s: %w", file, err)
	}
	train.name, train.close = file, f.Close
	if heldOut != nil {
		heldOut.name = file
	}
	return train, heldOut, nil
}

func readNPZ(r io.ReaderAt, size int64, layout string, maxBytes int64) (train, heldOut *Arrays, err error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, nil, err
	}
	names, notes := findNPZ(z)
	part := "train"
	if names.images[part] == nil {
		part = ""
	}
	if names.images[part] == nil {
		return nil, nil, fmt.Errorf("no array named images, x, data, arr_0, x_train, train_images or alike: it holds %s",
			listNPZ(z))
	}
	a := npzArchive{r, size, layout, maxBytes}
	if train, err = a.open(names, part); err != nil {
		return nil, nil, err
	}
	if err := train.findRange(); err != nil {
		return nil, nil, err
	}
	train.notes = append(train.notes, notes...)
	for _, part := range []string{"test", "val"} {
		switch entry := names.images[part]; {
		case entry == nil:
		case heldOut != nil:
			train.notes = append(train.notes, fmt.Sprintf("left out: %s, as the test part is held out",
				strings.TrimSuffix(entry.Name, ".npy")))
		default:
			if heldOut, err = a.open(names, part); err != nil {
				return nil, nil, err
			}
		}
	}
	return train, heldOut, train.join(heldOut)
}

// join checks that held-out samples are like those of training, and gives them its range and classes.
func (a *Arrays) join(heldOut *Arrays) error {
	if heldOut == nil {
		return nil
	}
	if heldOut.c != a.c || heldOut.h != a.h || heldOut.w != a.w {
		return fmt.Errorf("held-out samples of %d channels, height %d and width %d, training samples of %d, %d and %d",
			heldOut.c, heldOut.h, heldOut.w, a.c, a.h, a.w)
	}
	if (heldOut.labels == nil) != (a.labels == nil) {
		return errors.New("labels for one of the training and the held-out part: expected both or neither")
	}
	a.classes = max(a.classes, heldOut.classes)
	heldOut.classes, heldOut.values = a.classes, a.values
	return nil
}

// findNPZ finds out what the arrays of an archive are, and notes those that are not known.
func findNPZ(z *zip.Reader) (npzNames, []string) {
	found := npzNames{map[string]*zip.File{}, map[string]*zip.File{}}
	rank := map[*zip.File]int{}
	var unknown []string
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			continue
		}
		part, role := npzRole(name)
		list, at := found.images, slices.Index(imageRoles, role)
		if at < 0 {
			list, at = found.labels, slices.Index(labelRoles, role)
		}
		if at < 0 || part == "" && role == "" {
			unknown = append(unknown, name)
			continue
		}
		rank[f] = at
		if was := list[part]; was == nil || at < rank[was] {
			list[part] = f
		}
	}
	if len(unknown) == 0 {
		return found, nil
	}
	return found, []string{"left out: arrays " + strings.Join(unknown[:min(len(unknown), 10)], ", ")}
}

// npzRole takes the name of a part from that of an array.
func npzRole(name string) (part, role string) {
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(name))
	for _, split := range []string{"training", "train", "testing", "test", "validation", "valid", "val", "dev"} {
		for _, cut := range []func(string, string) (string, bool){strings.CutPrefix, strings.CutSuffix} {
			rest, ok := cut(plain, split)
			if ok && (slices.Contains(imageRoles, rest) || slices.Contains(labelRoles, rest)) {
				return partNames[split], rest
			}
		}
	}
	return "", plain
}

// npzArchive is an archive of size bytes, and how its arrays are read.
type npzArchive struct {
	r        io.ReaderAt
	size     int64
	layout   string
	maxBytes int64
}

// open opens the samples and the labels of one part.
func (z npzArchive) open(names npzNames, part string) (*Arrays, error) {
	entry, err := z.entry(names.images[part])
	if err != nil {
		return nil, err
	}
	a, err := newArrays(entry, entry.Size(), z.layout, z.maxBytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", names.images[part].Name, err)
	}
	if names.labels[part] == nil {
		return a, nil
	}
	if entry, err = z.entry(names.labels[part]); err != nil {
		return nil, err
	}
	rows, err := npy.OpenRows(entry, entry.Size(), z.maxBytes)
	if err == nil {
		err = a.readLabels(rows)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: labels %w", names.labels[part].Name, err)
	}
	return a, nil
}

// entry opens one array: in the archive if it is stored, unpacked into memory otherwise.
func (z npzArchive) entry(f *zip.File) (*io.SectionReader, error) {
	if f.Method != zip.Store {
		b, err := unpack(f, z.maxBytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		return io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b))), nil
	}
	offset, err := f.DataOffset()
	if err == nil && f.CompressedSize64 != f.UncompressedSize64 {
		err = errors.New("two sizes of an entry that is not compressed")
	}
	if err == nil && (offset > z.size || f.CompressedSize64 > uint64(z.size-offset)) {
		err = fmt.Errorf("the archive claims %d bytes, but ends before them", f.CompressedSize64)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	return io.NewSectionReader(z.r, offset, int64(f.CompressedSize64)), nil
}

func listNPZ(z *zip.Reader) string {
	var names []string
	for _, f := range z.File {
		names = append(names, strings.TrimSuffix(f.Name, ".npy"))
	}
	if len(names) == 0 {
		return "nothing"
	}
	if len(names) > 10 {
		names = append(names[:10], "more")
	}
	return strings.Join(names, ", ")
}

// unpack reads a compressed entry. Memory grows with the bytes that arrive.
func unpack(f *zip.File, maxBytes int64) ([]byte, error) {
	if f.UncompressedSize64 > uint64(maxBytes) {
		return nil, fmt.Errorf("%d bytes unpacked, more than the %d that may be held in memory: save it with numpy.savez, not compressed, or raise data.cache_mb",
			f.UncompressedSize64, maxBytes)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, int64(f.UncompressedSize64)+1))
	if err != nil {
		return nil, err
	}
	if uint64(len(b)) != f.UncompressedSize64 {
		return nil, fmt.Errorf("the archive says %d bytes, %d or more follow", f.UncompressedSize64, len(b))
	}
	return b, nil
}

// readLabels takes the labels: one whole number a sample, 0 or more, of any type, (N,) or (N,1), or
// one-hot rows.
func (a *Arrays) readLabels(rows *npy.Rows) error {
	if rows.Shape[0] != a.Len() && !(rows.Shape[0] == 1 && rows.RowSize() == a.Len()) {
		return fmt.Errorf("of shape %v for %d samples: expected (%d,) or (%d,1)", rows.Shape, a.Len(), a.Len(), a.Len())
	}
	values, err := rows.Read(0, rows.Shape[0])
	if err != nil {
		return err
	}
	value := numberAt(values)
	columns := rows.Shape[0] * rows.RowSize() / a.Len()
	a.labels = make([]int32, a.Len())
	for i := range a.labels {
		v := value(i)
		if columns > 1 {
			if v, err = oneHot(value, i*columns, columns); err != nil {
				return fmt.Errorf("of shape %v: %w", rows.Shape, err)
			}
		}
		if v != math.Trunc(v) || !(v >= 0 && v < maxArrayClasses) {
			return fmt.Errorf("of type %s: %v of sample %d: expected whole numbers in 0..%d", rows.Type, v, i, maxArrayClasses-1)
		}
		a.labels[i] = int32(v)
		a.classes = max(a.classes, int(v)+1)
	}
	if columns > 1 {
		a.classes = columns
	}
	return nil
}

// oneHot returns the column of the only 1 among zeros.
func oneHot(value func(int) float64, first, columns int) (float64, error) {
	class := -1
	for c := range columns {
		switch v := value(first + c); {
		case v == 1 && class < 0:
			class = c
		case v != 0:
			class = columns
		}
	}
	if class < 0 || class == columns {
		return 0, errors.New("several labels a sample are not read: expected (N,), (N,1) or one-hot rows")
	}
	return float64(class), nil
}
