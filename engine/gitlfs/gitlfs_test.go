package gitlfs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const pointer = "version https://git-lfs.github.com/spec/v1\n" +
	"oid sha256:4665a5ea423c2713d436b5ee50593a9640e0018c1550b5a0002f74190d6caea8\nsize 83300\n"

func TestCheckFile(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want bool
	}{
		"pointer": {pointer, true},
		"config":  {`{"_class_name": "UNet2DModel"}`, false},
		"empty":   {"", false},
		"large":   {pointer + strings.Repeat("\n", maxPointer), false},
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(c.text), 0o666); err != nil {
			t.Fatal(err)
		}
		err := CheckFile(path)
		if errors.Is(err, ErrPointer) != c.want || err != nil && !strings.HasPrefix(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := CheckFile(t.TempDir()); err == nil || errors.Is(err, ErrPointer) {
		t.Errorf("a folder: %v", err)
	}
}
