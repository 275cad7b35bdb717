//go:build cuda && cgo

package driver

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// cache keeps machine code that the driver compiled. An entry is a file: the magic line, the SHA-256 of the code, the code. Whatever goes
// wrong with it only costs the time of compiling again.
type cache struct {
	dir     string // empty: no cache
	machine string // what besides the PTX the code depends on
}

const cacheMagic = "unnoise cubin 1\n"

func openCache(machine string) *cache {
	dir, err := CacheDir()
	if err != nil {
		dir = ""
	}
	return &cache{dir, machine}
}

// path names the entry of a PTX text.
func (c *cache) path(ptx []byte) string {
	h := sha256.New()
	h.Write([]byte(cacheMagic + c.machine + "\n"))
	h.Write(ptx)
	return filepath.Join(c.dir, hex.EncodeToString(h.Sum(nil)))
}

// get returns the code of a PTX text, or nil.
func (c *cache) get(ptx []byte) []byte {
	if c.dir == "" {
		return nil
	}
	b, err := os.ReadFile(c.path(ptx))
	if err != nil {
		return nil
	}
	rest, ok := bytes.CutPrefix(b, []byte(cacheMagic))
	if !ok || len(rest) <= sha256.Size {
		return nil
	}
	code := rest[sha256.Size:]
	if sum := sha256.Sum256(code); !bytes.Equal(sum[:], rest[:sha256.Size]) {
		return nil
	}
	return code
}

// put stores code; the entry appears complete or not at all.
func (c *cache) put(ptx, code []byte) {
	if c.dir == "" || os.MkdirAll(c.dir, 0o777) != nil {
		return
	}
	sum := sha256.Sum256(code)
	entry := append(append([]byte(cacheMagic), sum[:]...), code...)
	_ = renameio.WriteFile(c.path(ptx), entry, 0o666, renameio.WithTempDir(c.dir)) // a cache that cannot be written is no cache
}

// drop removes an entry that the driver refused.
func (c *cache) drop(ptx []byte) {
	if c.dir != "" {
		_ = os.Remove(c.path(ptx))
	}
}
