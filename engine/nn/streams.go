package nn

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels/rng"
)

// Streams are the random streams of a graph: the path of each Philox stream number that is taken.
type Streams map[uint32]string

// id returns the stream of a path and refuses two paths with one number.
func (s Streams) id(path string) (uint32, error) {
	id := rng.StreamID(path)
	if other, ok := s[id]; ok && other != path {
		return id, fmt.Errorf("random streams %q and %q have the same number %#x: rename one", path, other, id)
	}
	s[id] = path
	return id, nil
}
