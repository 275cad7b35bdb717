package checkpoint

import (
	"errors"
	"os"
)

// exchangeByRenames puts directory a in the place of b and deletes the old b.
// Between the two renames no directory is named b; the old one is then a
// complete copy with the suffix ".old" beside it.
func exchangeByRenames(a, b string) error {
	old := b + ".old"
	if err := os.RemoveAll(old); err != nil {
		return err
	}
	if err := os.Rename(b, old); err != nil {
		return err
	}
	if err := os.Rename(a, b); err != nil {
		return errors.Join(err, os.Rename(old, b))
	}
	return os.RemoveAll(old)
}
