package checkpoint

import (
	"fmt"
	"io"
	"strings"
)

// source is a file, or a set of files, that holds named tensors.
type source interface {
	// Path returns the path that was opened.
	Path() string
	// Names lists the tensors. The caller must not change the slice.
	Names() []string
	// Info returns a tensor's description and whether it exists.
	Info(name string) (Info, bool)
	// ReadFloat32 reads a tensor of any float or integer type into dst, which has one element for each of the tensor's.
	ReadFloat32(name string, dst []float32) error
	Close() error
}

// openSource opens weights by the form that their name tells: safetensors, an index of shards, or a file of torch.save.
func openSource(path string) (source, error) {
	switch {
	case strings.HasSuffix(path, ".json"):
		return openShards(path)
	case strings.HasSuffix(path, ".safetensors"):
		return Open(path)
	}
	return openTorch(path)
}

// readFloat32 converts the elements of a tensor of the file at path, which r holds one after another.
func readFloat32(r io.Reader, dst []float32, path string, info Info) error {
	const chunk = 1 << 16 // elements
	size := info.DType.Size()
	buf := make([]byte, min(int64(len(dst)), chunk)*size)
	for at := 0; at < len(dst); at += chunk {
		part := dst[at:min(at+chunk, len(dst))]
		b := buf[:int64(len(part))*size]
		if _, err := io.ReadFull(r, b); err != nil {
			return fmt.Errorf("%s: reading tensor %q: %w", path, info.Name, err)
		}
		if !toFloat32(part, b, info.DType) {
			return fmt.Errorf("%s: tensor %q has type %s, expected F32, F16, BF16, F64, I64, I32 or U8", path, info.Name, info.DType)
		}
	}
	return nil
}
