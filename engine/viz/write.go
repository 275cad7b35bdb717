package viz

import (
	"image"
	"image/gif"
	"image/png"
	"io"

	"github.com/unnoise/unnoise/engine/safefile"
)

// WritePNG writes a picture. The file appears complete or not at all.
func WritePNG(path string, img image.Image) error {
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	return safefile.Write(path, func(w io.Writer) error { return enc.Encode(w, img) })
}

// WriteGIF writes an animation. The file appears complete or not at all.
func WriteGIF(path string, g *gif.GIF) error {
	return safefile.Write(path, func(w io.Writer) error { return gif.EncodeAll(w, g) })
}
