package viz

import (
	"fmt"
	"image"
	"image/gif"
	"image/png"
	"io"

	"github.com/google/renameio/v2"
)

// WritePNG writes a picture. The file appears complete or not at all.
func WritePNG(path string, img image.Image) error {
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	return write(path, func(w io.Writer) error { return enc.Encode(w, img) })
}

// WriteGIF writes an animation. The file appears complete or not at all.
func WriteGIF(path string, g *gif.GIF) error {
	return write(path, func(w io.Writer) error { return gif.EncodeAll(w, g) })
}

func write(path string, encode func(io.Writer) error) error {
	f, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	if err != nil {
		return err
	}
	defer f.Cleanup()
	if err := encode(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return f.CloseAtomicallyReplace()
}
