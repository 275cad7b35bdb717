package data

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFingerprint: another name, number or class of pictures is noticed, another place or archive is not.
func TestFingerprint(t *testing.T) {
	files := someFiles(t, 30)
	print := func(files map[string][]byte) string {
		return openTest(t, Options{Source: folder(t, files)}).Fingerprint()
	}
	want := print(files)
	archive := filepath.Join(folder(t, map[string][]byte{"a.zip": zipBytes(t, files)}), "a.zip")
	if got := print(files); got != want {
		t.Error("another place changes the fingerprint")
	}
	if got := openTest(t, Options{Source: archive}).Fingerprint(); got != want {
		t.Error("an archive changes the fingerprint")
	}
	files["cats/zz.png"] = files["cats/aa.PNG"]
	more := print(files)
	delete(files, "cats/aa.PNG")
	if renamed := print(files); more == want || renamed == want {
		t.Error("one more picture, or one renamed, is not noticed")
	}
}

// TestZipLies: an entry that claims more than it can hold, or holds something else than it claims, is refused before it is unpacked.
func TestZipLies(t *testing.T) {
	packed := zipBytes(t, map[string][]byte{"a.png": make([]byte, 100000), "b.png": pngBytes(t, plain(9, 9, color.White))})
	// The central directory's entry of a.png: its uncompressed size is at 24.
	at := bytes.Index(packed, []byte("PK\x01\x02"))
	for size, want := range map[uint32]string{1 << 30: "the archive claims 1073741824 bytes", 200000: "the archive claims 200000 bytes", 100001: "bytes", 99999: "bytes"} {
		binary.LittleEndian.PutUint32(packed[at+24:], size)
		path := filepath.Join(folder(t, map[string][]byte{"a.zip": packed}), "a.zip")
		s := openTest(t, Options{Source: path})
		list, err := s.Pictures().Bad(context.Background(), 1)
		if err != nil || len(list) != 1 || !strings.Contains(list[0].Error(), "a.zip: a.png") {
			t.Errorf("size %d: %v, want one bad picture with %q", size, list, want)
		}
		_, err = s.Pictures().store.Read(0)
		if size > 1<<29 && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("size %d: error %v, want %q", size, err, want)
		}
	}
}

func TestOpenPicturesRefuses(t *testing.T) {
	pictures := folder(t, someFiles(t, 3))
	for want, o := range map[string]Options{
		"no pictures (.png, .jpg, .webp, .bmp, .tif, .gif) among 1 files (1 .txt); nor does it hold train-images": {Source: folder(t, map[string][]byte{"a.txt": nil}), Channels: 3, Height: 8, Width: 8},
		"set network.in_channels":      {Source: pictures, Channels: 4, Height: 8, Width: 8},
		"want each side 1..8192":       {Source: pictures, Channels: 3, Height: 8, Width: 1 << 20},
		"not a valid zip file":         {Source: filepath.Join(folder(t, map[string][]byte{"a.zip": []byte("PK")}), "a.zip"), Channels: 3, Height: 8, Width: 8},
		"expected a folder, a .zip of": {Source: filepath.Join(folder(t, map[string][]byte{"a.rar": nil}), "a.rar")},
		"data.layout = \"nwhc\"":       {Source: pictures, Layout: "nwhc"},
		"not one picture can be read":  {Source: folder(t, map[string][]byte{"a.png": nil}), Channels: 3, Height: 8, Width: 8, SkipBad: true},
	} {
		if _, err := OpenSet(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// TestLinksThatFanOut: of folders that link to each other many times over, each is listed once.
func TestLinksThatFanOut(t *testing.T) {
	dir := t.TempDir()
	for i := range 15 {
		from := filepath.Join(dir, fmt.Sprint("d", i))
		if err := os.MkdirAll(from, 0o777); err != nil {
			t.Fatal(err)
		}
		for _, link := range []string{"a", "b", "c", "d"} {
			if err := os.Symlink(filepath.Join("..", fmt.Sprint("d", i+1)), filepath.Join(from, link)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := OpenSet(Options{Source: filepath.Join(dir, "d0"), Channels: 3, Height: 8, Width: 8}); err == nil {
		t.Error("a folder without pictures was opened")
	}
}
