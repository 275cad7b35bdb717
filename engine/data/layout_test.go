package data

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"image/color"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pictureTree is n pictures under each of the folders, and other files.
func pictureTree(t testing.TB, n int, folders []string, others ...string) map[string][]byte {
	files := map[string][]byte{}
	for f, folder := range folders {
		for i := range n {
			files[fmt.Sprintf("%s%d.png", folder, i)] = pngBytes(t, plain(6, 6, color.Gray{byte(40*f + i)}))
		}
	}
	for _, name := range others {
		files[name] = []byte("not a picture")
	}
	return files
}

// The same files in a folder and in a zip make the same classes, splits and notes.
func TestPictureLayout(t *testing.T) {
	pets := []string{"cats/", "dogs/"}
	within := func(top string, folders ...string) []string {
		for i := range folders {
			folders[i] = top + folders[i]
		}
		return folders
	}
	for _, c := range []struct {
		name        string
		files       map[string][]byte
		classes     string // name=count by class over both parts
		train, held int
		notes       string
	}{
		{"classes", pictureTree(t, 5, pets), "cats=5 dogs=5", 9, 1, ""},
		{"within a folder", pictureTree(t, 5, within("a/b/", "cats/", "dogs/")), "cats=5 dogs=5", 9, 1, ""},
		{"a dot file and a foreign file beside the folder", pictureTree(t, 5, within("pets/", "cats/", "dogs/"), ".DS_Store", "LICENSE"), "cats=5 dogs=5", 9, 1, "left out: 1 without ending"},
		{"hidden folders at any depth", pictureTree(t, 5, pets, ".cache/a.png", "cats/.ipynb_checkpoints/0.png", "cats/._0.png"), "cats=5 dogs=5", 9, 1, ""},
		{"what systems leave", pictureTree(t, 5, pets, "cats/__MACOSX/0.png", "dogs/@eaDir/1.jpg", "$RECYCLE.BIN/2.png"), "cats=5 dogs=5", 9, 1, ""},
		{"backslashes", pictureTree(t, 5, []string{`pets\cats\`, `pets\dogs\`}), "cats=5 dogs=5", 9, 1, ""},
		{"foreign files", pictureTree(t, 5, pets, "a.txt", "b.TXT", "dogs/c.heic"), "cats=5 dogs=5", 9, 1, "left out: 2 .txt, 1 .heic"},
		{"one picture in no folder", pictureTree(t, 5, []string{"cats/", "dogs/", ""}), "", 14, 1, "no classes: 5 pictures lie in no folder, the first is 0.png"},
		{"splits", pictureTree(t, 4, []string{"train/cats/", "train/dogs/", "test/cats/", "test/dogs/"}), "cats=8 dogs=8", 8, 8, "splits: train is trained on, test is held out"},
		{"a split without a class", pictureTree(t, 4, []string{"train/cats/", "train/dogs/", "valid/dogs/"}), "cats=4 dogs=8", 8, 4, "splits: train is trained on, valid is held out"},
		{"three splits", pictureTree(t, 4, []string{"Train/cats/", "Train/dogs/", "val/cats/", "Test/cats/"}), "cats=8 dogs=4", 8, 4,
			"splits: Train is trained on, Test is held out; left out: 4 pictures of val"},
		{"splits with names of their own", pictureTree(t, 4, []string{"seg_train/seg_train/sea/", "seg_train/seg_train/ice/", "seg_test/seg_test/sea/", "seg_pred/"}), "ice=4 sea=8", 8, 4,
			"splits: seg_train is trained on, seg_test is held out; left out: 4 pictures of seg_pred"},
		{"splits below the classes", pictureTree(t, 4, []string{"cats/train/", "cats/test/", "dogs/train/", "dogs/test/"}), "cats=8 dogs=8", 8, 8,
			"splits: train is trained on, test is held out"},
		{"splits without classes", pictureTree(t, 4, []string{"train/", "validation/"}), "", 4, 4, "splits: train is trained on, validation is held out"},
		{"held out without classes", pictureTree(t, 5, []string{"train/cats/", "train/dogs/", "test/"}), "cats=5 dogs=5", 9, 1,
			"splits: train is trained on, test is held out; left out: 5 held-out pictures in no folder of a class, the first is test/0.png"},
		{"a class that is only held out", pictureTree(t, 4, []string{"train/cats/", "train/dogs/", "test/cats/", "test/eels/"}), "cats=8 dogs=4 eels=4", 8, 8,
			"splits: train is trained on, test is held out; 1 classes without samples, of 3: the first is eels"},
		{"vehicles", pictureTree(t, 5, []string{"train/", "car/", "ship/"}), "car=5 ship=5 train=5", 14, 1, ""},
		{"only a test folder", pictureTree(t, 5, []string{"test/cats/", "test/dogs/"}), "cats=5 dogs=5", 9, 1, ""},
	} {
		archive := filepath.Join(folder(t, map[string][]byte{"a.zip": zipBytes(t, c.files)}), "a.zip")
		for _, source := range []string{folder(t, c.files), archive} {
			s := openTest(t, Options{Source: source, Channels: 1, Height: 6, Width: 6})
			d, err := Describe(context.Background(), s, source, 0, 2)
			if err != nil {
				t.Fatal(err)
			}
			var classes []string
			for _, class := range d.Classes {
				classes = append(classes, fmt.Sprintf("%s=%d", class.Name, class.Count))
			}
			if got := strings.Join(classes, " "); got != c.classes || d.Train != c.train || d.HeldOut != c.held || len(d.BadSamples) > 0 {
				t.Errorf("%s, %s: classes %q, %d + %d, bad %v", c.name, filepath.Base(source), got, d.Train, d.HeldOut, d.BadSamples)
			}
			if got := strings.Join(d.Notes, "; "); got != c.notes {
				t.Errorf("%s, %s: notes %q", c.name, filepath.Base(source), got)
			}
		}
	}
}

// Held-out pictures are those of the held-out folder, and training never sees one.
func TestSplitSamples(t *testing.T) {
	s := openTest(t, Options{Source: folder(t, pictureTree(t, 3, []string{"test/a/", "train/a/", "train/b/"})), Channels: 1, Height: 6, Width: 6})
	values := func(ds Dataset) (grey []int, labels []int32) {
		x := make([]float32, 36)
		for i := range ds.Len() {
			label, err := ds.Sample(i, x)
			if err != nil {
				t.Fatal(err)
			}
			grey, labels = append(grey, int((x[0]+1)*127.5+0.5)), append(labels, label)
		}
		return grey, labels
	}
	if grey, labels := values(s.Train); !slices.Equal(grey, []int{40, 41, 42, 80, 81, 82}) || !slices.Equal(labels, []int32{0, 0, 0, 1, 1, 1}) {
		t.Errorf("trained on %v of classes %v", grey, labels)
	}
	if grey, labels := values(s.HeldOut); !slices.Equal(grey, []int{0, 1, 2}) || !slices.Equal(labels, []int32{0, 0, 0}) {
		t.Errorf("held out %v of classes %v", grey, labels)
	}
}

// One entry that cannot be read is one trouble, named, and the others count.
func TestUnreadableEntries(t *testing.T) {
	dir := folder(t, pictureTree(t, 5, []string{"cats/", "dogs/"}))
	for name, target := range map[string]string{"cats/zz.png": "../nowhere.png", "dogs/self.png": "self.png", "dogs/note.txt": "nowhere", "dogs/up": ".."} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	s := openTest(t, Options{Source: dir, Channels: 1, Height: 6, Width: 6})
	d, err := Describe(context.Background(), s, dir, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	bad := map[string]string{}
	for _, b := range d.BadSamples {
		bad[filepath.Base(b.Path)] = b.Error
	}
	if got := slices.Sorted(maps.Keys(bad)); !slices.Equal(got, []string{"self.png", "zz.png"}) {
		t.Fatalf("bad: %v", bad)
	}
	if want := "a symbolic link to ../nowhere.png: "; !strings.HasPrefix(bad["zz.png"], want) {
		t.Errorf("%q does not begin with %q", bad["zz.png"], want)
	}
	if d.Classes[0].Count != 5 || d.Classes[1].Count != 5 {
		t.Errorf("classes %v", d.Classes)
	}
	notes := strings.Join(d.Notes, "; ")
	if !strings.Contains(notes, "a link back to a folder that it lies in") || !strings.Contains(notes, "left out: 1 .txt") {
		t.Errorf("notes %q", notes)
	}
	s = openTest(t, Options{Source: dir, Channels: 1, Height: 6, Width: 6, SkipBad: true})
	if len(s.Skipped) != 2 || s.Train.Len()+s.HeldOut.Len() != 10 {
		t.Errorf("%d left out, %d + %d", len(s.Skipped), s.Train.Len(), s.HeldOut.Len())
	}
}

// bzip2 is read; archives of other methods, and encrypted ones, are refused once.
func TestZipMethods(t *testing.T) {
	// Twelve pictures packed by the zipfile of Python with ZIP_BZIP2.
	s := openTest(t, Options{Source: filepath.Join("testdata", "bzip2.zip"), Channels: 3, Height: 16, Width: 16})
	if bad, err := s.Pictures().Bad(context.Background(), 1); err != nil || len(bad) > 0 || s.Train.Len() != 11 {
		t.Errorf("bzip2: %v, %v, %d pictures", bad, err, s.Train.Len())
	}
	pack := func(method, flags uint16) string {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, name := range []string{"a/0.png", "b/1.png"} {
			w, err := z.CreateRaw(&zip.FileHeader{Name: name, Method: method, Flags: flags, CompressedSize64: 3, UncompressedSize64: 3})
			if err == nil {
				_, err = io.WriteString(w, "abc")
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(folder(t, map[string][]byte{"x.zip": b.Bytes()}), "x.zip")
	}
	for want, source := range map[string]string{
		"2 of 2 pictures are packed by method 14 (LZMA), expected store, deflate or bzip2: zip the files again with deflate": pack(14, 0),
		"2 of 2 pictures are packed by method 77,":   pack(77, 0),
		"2 of 2 pictures are encrypted: unpack the ": pack(8, 1),
	} {
		if _, err := OpenSet(Options{Source: source, Channels: 3, Height: 8, Width: 8}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// FuzzLayout: any names end in parts and labels within their bounds.
func FuzzLayout(f *testing.F) {
	f.Add("train/a/0.png\ntest/b/1.png\nval/2.png")
	f.Add("a/train/0.png\na/test/1.png")
	f.Add("/\n//\ntrain//x\ntest/")
	f.Fuzz(func(t *testing.T, text string) {
		names := strings.Split(text, "\n")
		l := newPictureLayout(names)
		if len(l.names) != len(names) || len(l.parts) != len(names) || l.labels != nil && len(l.labels) != len(names) {
			t.Fatal("lengths differ")
		}
		for i := range names {
			if l.labels != nil && l.parts[i] != partNone && (l.labels[i] < 0 || int(l.labels[i]) >= len(l.classes)) {
				t.Fatalf("label %d of %d classes", l.labels[i], len(l.classes))
			}
		}
	})
}
