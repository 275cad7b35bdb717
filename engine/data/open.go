package data

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Open returns the training and held-out sets of a source: the name of a 2-D set
// (n points of draw 0 and of draw 1 under seed) or a directory of IDX files (n is
// ignored; the t10k files are held out, or one sample in ten where there are none).
func Open(source string, n int, seed uint64) (train, heldOut Dataset, err error) {
	if slices.Contains(PointSets(), source) {
		a, err := Generate(source, n, seed, 0)
		if err != nil {
			return nil, nil, err
		}
		b, err := Generate(source, n, seed, 1)
		if err != nil {
			return nil, nil, err
		}
		return a, b, nil
	}
	if _, err := os.Stat(source); err != nil {
		return nil, nil, fmt.Errorf("data: %q is neither a point set (%s) nor a directory that can be read: %w",
			source, strings.Join(PointSets(), ", "), err)
	}
	images, held, err := OpenIDX(source)
	if err != nil {
		return nil, nil, err
	}
	if held == nil {
		return Split(images, max(1, images.Len()/10), seed)
	}
	return images, held, nil
}
