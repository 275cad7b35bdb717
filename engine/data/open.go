package data

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/unnoise/unnoise/engine/safefile"
)

// Options say what to open, and what pictures become.
type Options struct {
	Source string // see OpenSet
	Points int    // of a 2-D set
	Seed   uint64 // of a 2-D set, and of what is held out

	Channels, Height, Width int // what pictures are brought to

	Layout     string // of .npy and .npz images: LayoutAuto (also ""), LayoutNHWC or LayoutNCHW
	SkipBad    bool   // decode every picture at once and leave bad ones out, until Context ends
	Context    context.Context
	Workers    int   // goroutines that do so; 0: one a processor
	CacheBytes int64 // memory for decoded pictures and unpacked arrays; 0: DefaultCacheBytes; negative: none
}

// DefaultCacheBytes is the memory for decoded pictures that Options leave open.
const DefaultCacheBytes = 1 << 30

// Set is an open source: a training set and a held-out one.
type Set struct {
	Kind           string // "points", "idx", "cifar10", "cifar100", "pictures" or "array"
	Train, HeldOut Dataset
	ClassNames     []string
	Skipped        []*BadPictureError // left out
	Notes          []string           // lines for the user: what was left out, recognised or lacks samples

	whole Dataset
}

// Close closes the files of the source.
func (s *Set) Close() error {
	if c, ok := s.whole.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Pictures returns the pictures of a folder or zip, held-out ones included; nil for other kinds.
func (s *Set) Pictures() *Pictures {
	p, _ := s.whole.(*Pictures)
	return p
}

// Fingerprint tells sources apart: SHA-256 over the kind, the number and shape of the samples, the
// classes and, of pictures, their names.
// What is inside the files is not looked at: see Contents.
func (s *Set) Fingerprint() string {
	h := sha256.New()
	for _, ds := range []Dataset{s.Train, s.HeldOut} {
		c, height, width := ds.Shape()
		fmt.Fprintln(h, s.Kind, ds.Len(), c, height, width, ds.Classes())
	}
	if p := s.Pictures(); p != nil {
		for _, name := range p.names {
			fmt.Fprintf(h, "%q\n", name)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// OpenSet opens a source, which is the name of a 2-D set; a folder of IDX files (MNIST's format), or
// one file of training images; CIFAR-10 or CIFAR-100, in a folder or as the .tar.gz in which they come;
// a folder that holds one of these further down; a folder or .zip of pictures; a .npy or .npz file.
// What is held out is the source's own test set (t10k files, test_batch.bin, a test folder or array,
// the second draw of a 2-D set) or, where it has none, one sample in ten.
func OpenSet(o Options) (*Set, error) {
	if o.Layout == "" {
		o.Layout = LayoutAuto
	}
	if !slices.Contains([]string{LayoutAuto, LayoutNHWC, LayoutNCHW, LayoutNHW}, o.Layout) {
		return nil, fmt.Errorf("data.layout = %q: expected %s, %s, %s or %s",
			o.Layout, LayoutAuto, LayoutNHWC, LayoutNCHW, LayoutNHW)
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = DefaultCacheBytes
	}
	s, err := openSource(o)
	if err != nil {
		return nil, err
	}
	switch {
	case s.HeldOut != nil:
	case s.Train.Len() == 1:
		s.HeldOut = s.Train
		s.Notes = append(s.Notes, "one sample: it is trained on and held out")
	default:
		if s.Train, s.HeldOut, err = Split(s.Train, max(1, s.Train.Len()/10), o.Seed); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	s.noteEmptyClasses()
	return s, nil
}

// labelled is a data set that knows the class of sample i without reading it; 0 without classes.
type labelled interface {
	Dataset
	label(i int) int32
}

// noteEmptyClasses counts the classes that no sample is of.
func (s *Set) noteEmptyClasses() {
	of, ok := s.Train.(labelled)
	if !ok {
		of, ok = s.whole.(labelled) // the training set is a part drawn from it
	}
	if !ok || s.Train.Classes() == 0 {
		return
	}
	has := make([]bool, s.Train.Classes())
	for i := range of.Len() {
		has[of.label(i)] = true
	}
	n, first := 0, 0
	for class, any := range has {
		if any {
			continue
		}
		if n++; n == 1 {
			first = class
		}
	}
	if n == 0 {
		return
	}
	name := fmt.Sprint(first)
	if first < len(s.ClassNames) {
		name = s.ClassNames[first]
	}
	s.Notes = append(s.Notes, fmt.Sprintf("%d classes without samples, of %d: the first is %s", n, len(has), name))
}

func openSource(o Options) (*Set, error) {
	if slices.Contains(PointSets(), o.Source) {
		return openPoints(o)
	}
	info, err := os.Stat(o.Source)
	if err != nil {
		return nil, fmt.Errorf("data: %q is neither a point set (%s) nor a folder or file that can be read: %w",
			o.Source, strings.Join(PointSets(), ", "), err)
	}
	if info.IsDir() {
		return openDir(o)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("data: %s: %w", o.Source, safefile.ErrNotRegular)
	}
	switch name := strings.ToLower(filepath.Base(o.Source)); {
	case strings.HasSuffix(name, ".npy"):
		a, err := OpenNPY(o.Source, o.Layout, max(o.CacheBytes, 0))
		return arraySet(a, nil, err)
	case strings.HasSuffix(name, ".npz"):
		return arraySet(OpenNPZ(o.Source, o.Layout, max(o.CacheBytes, 0)))
	case strings.HasSuffix(name, ".zip"):
		z, err := openZip(o.Source)
		if err != nil {
			return nil, fmt.Errorf("data: %s: %w", o.Source, err)
		}
		return pictureSet(z, o)
	case strings.HasSuffix(name, ".tar.gz") || strings.HasSuffix(name, ".tgz") || strings.HasSuffix(name, ".tar"):
		return cifarSet(OpenCIFARArchive(o.Source))
	}
	if m := idxTraining.FindStringSubmatch(filepath.Base(o.Source)); m != nil {
		return idxSet(filepath.Dir(o.Source), m[1])
	}
	return nil, fmt.Errorf("data: %s: expected a folder, a .zip of pictures, a .npy or .npz array, cifar-10-binary.tar.gz or a train-images-idx3-ubyte file", o.Source)
}

func openPoints(o Options) (*Set, error) {
	a, err := Generate(o.Source, o.Points, o.Seed, 0)
	if err != nil {
		return nil, err
	}
	b, err := Generate(o.Source, o.Points, o.Seed, 1)
	return &Set{Kind: "points", Train: a, HeldOut: b, whole: a}, err
}

func arraySet(train, heldOut *Arrays, err error) (*Set, error) {
	if err != nil {
		return nil, err
	}
	s := &Set{Kind: "array", Train: train, whole: train, Notes: train.notes}
	if heldOut != nil {
		s.HeldOut = heldOut
	}
	return s, nil
}

func cifarSet(train, heldOut *CIFAR, err error) (*Set, error) {
	if err != nil {
		return nil, err
	}
	s := &Set{Kind: "cifar10", Train: train, whole: train,
		ClassNames: []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}}
	if train.classes == 100 {
		s.Kind, s.ClassNames = "cifar100", nil
	}
	if heldOut != nil {
		s.HeldOut = heldOut
	}
	return s, nil
}

func idxSet(dir, prefix string) (*Set, error) {
	train, heldOut, err := openIDX(dir, prefix)
	if err != nil {
		return nil, err
	}
	s := &Set{Kind: "idx", Train: train, whole: train}
	if heldOut != nil {
		s.HeldOut = heldOut
	}
	if isEMNIST(prefix) {
		s.Notes = append(s.Notes, "EMNIST's files hold transposed pictures: they are turned upright")
	}
	return s, nil
}

// openDir finds out a folder's kind by the names of its files.
func openDir(o Options) (*Set, error) {
	prefix, found, err := idxPrefix(o.Source)
	switch {
	case err != nil:
		return nil, err
	case found:
		return idxSet(o.Source, prefix)
	case cifarInFolder(o.Source) != nil:
		return cifarSet(OpenCIFAR(o.Source))
	}
	folder, err := openFolder(o.Source)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	s, err := pictureSet(folder, o)
	if !errors.Is(err, errNoPictures) {
		return s, err
	}
	inside := folder.packages()
	switch len(inside) {
	case 0:
		return nil, fmt.Errorf("%w; nor does it hold train-images-idx3-ubyte[.gz] (IDX) or data_batch_1 (CIFAR-10)", err)
	case 1:
		o.Source = filepath.Join(o.Source, filepath.FromSlash(inside[0]))
		s, err = openDir(o)
		if err == nil {
			s.Notes = append(s.Notes, "found in "+o.Source)
		}
		return s, err
	}
	return nil, fmt.Errorf("data: %s holds several data sets: name one of its folders %s",
		o.Source, strings.Join(inside, ", "))
}

// packages lists the sub-folders that hold IDX files or CIFAR.
func (s *folderStore) packages() []string {
	dirs := map[string]bool{}
	for _, name := range s.names {
		base := path.Base(name)
		if dir := path.Dir(name); dir != "." && (idxTraining.MatchString(base) || cifarVersionOf(base) != nil) {
			dirs[dir] = true
		}
	}
	return slices.Sorted(maps.Keys(dirs))
}

func pictureSet(store pictureStore, o Options) (*Set, error) {
	p, err := openPictures(store, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("data: %s: %w", o.Source, err), store.Close())
	}
	s := &Set{Kind: "pictures", Train: p, whole: p, ClassNames: p.classes}
	if o.SkipBad {
		workers := o.Workers
		if workers < 1 {
			workers = runtime.GOMAXPROCS(0)
		}
		ctx := o.Context
		if ctx == nil {
			ctx = context.Background()
		}
		if s.Skipped, err = p.Bad(ctx, workers); err != nil {
			return nil, errors.Join(err, s.Close())
		}
		if len(s.Skipped) == p.Len() {
			return nil, errors.Join(fmt.Errorf("data: %s: not one picture can be read; the first: %w",
				o.Source, s.Skipped[0]), s.Close())
		}
		p.drop(s.Skipped)
	}
	s.Train, s.HeldOut = p.split()
	s.Notes = p.notes
	return s, nil
}
