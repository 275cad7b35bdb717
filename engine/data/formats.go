package data

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	stddraw "image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	alljpeg "github.com/unnoise/unnoise/engine/data/jpeg"
)

// pictureFormat is a format by its first bytes: a name's ending may lie.
type pictureFormat struct {
	name        string
	magics      []string
	config      func(b []byte) (image.Config, error)
	decode      func(b []byte) (image.Image, error)
	orientation func(b []byte) int // 1..8, as in EXIF
}

var pictureFormats = []pictureFormat{
	{"png", []string{pngMagic}, pngConfig, decodePNG, pngOrientation},
	{"jpeg", []string{"\xff\xd8\xff"}, jpegConfig, decodeJPEG, exifOrientation},
	{"webp", []string{"RIFF"}, webpConfig, decodeWebP, webpOrientation},
	{"gif", []string{"GIF87a", "GIF89a"}, gifConfig, decodeGIF, upright},
	{"tiff", []string{"II*\x00", "MM\x00*"}, tiffConfig, decodeTIFF, tiffOrientation},
	{"bmp", []string{"BM"}, bmpConfig, decodeBMP, upright},
}

// knownFormats are pictures by their first bytes that are not read.
var knownFormats = map[string]string{"\x00\x00\x00\x0cjP  ": "JPEG 2000", "\xff\x0a": "JPEG XL", "\x00\x00\x00\x0cJXL ": "JPEG XL",
	"8BPS": "Photoshop", "%PDF": "PDF", "version https://git-lfs": "a Git LFS pointer (fetch the file with git lfs pull)", "<svg": "SVG", "<?xml": "XML"}

// formatOf returns the format of a picture.
func formatOf(b []byte) (*pictureFormat, error) {
	for i := range pictureFormats {
		for _, magic := range pictureFormats[i].magics {
			if bytes.HasPrefix(b, []byte(magic)) {
				return &pictureFormats[i], nil
			}
		}
	}
	for magic, name := range knownFormats {
		if bytes.HasPrefix(b, []byte(magic)) {
			return nil, fmt.Errorf("%s, whatever its name says: expected PNG, JPEG, WebP, GIF, TIFF or BMP", name)
		}
	}
	if len(b) > 12 && string(b[4:8]) == "ftyp" {
		return nil, fmt.Errorf("%s, whatever its name says: expected PNG, JPEG, WebP, GIF, TIFF or BMP",
			strings.TrimSpace(strings.ToUpper(string(b[8:12]))))
	}
	return nil, errors.New("neither PNG, JPEG, WebP, GIF, TIFF nor BMP, whatever its name says")
}

func upright([]byte) int { return 1 }

func jpegConfig(b []byte) (image.Config, error) {
	c, err := jpeg.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return alljpeg.DecodeConfig(b)
	}
	return c, nil
}

// decodeJPEG takes the slower decoder for what image/jpeg refuses.
func decodeJPEG(b []byte) (image.Image, error) {
	img, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		return alljpeg.Decode(b)
	}
	return img, nil
}

func tiffConfig(b []byte) (image.Config, error) { return tiff.DecodeConfig(bytes.NewReader(b)) }
func decodeTIFF(b []byte) (image.Image, error)  { return tiff.Decode(bytes.NewReader(b)) }
func bmpConfig(b []byte) (image.Config, error)  { return bmp.DecodeConfig(bytes.NewReader(b)) }
func decodeBMP(b []byte) (image.Image, error)   { return bmp.Decode(bytes.NewReader(b)) }
func gifConfig(b []byte) (image.Config, error)  { return gif.DecodeConfig(bytes.NewReader(b)) }

// decodeGIF returns the first frame, on the whole canvas.
func decodeGIF(b []byte) (image.Image, error) {
	c, err := gifConfig(b)
	if err != nil {
		return nil, err
	}
	frame, err := gif.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return onCanvas(frame, frame.Bounds().Min, c.Width, c.Height), nil
}

// onCanvas lays a frame on a transparent canvas.
func onCanvas(frame image.Image, at image.Point, w, h int) image.Image {
	canvas := image.NewNRGBA(image.Rect(0, 0, w, h))
	size := frame.Bounds().Size()
	stddraw.Draw(canvas, image.Rectangle{at, at.Add(size)}, frame, frame.Bounds().Min, stddraw.Src)
	return canvas
}

// riffChunk is a part of a WebP file (RFC 9649, section 2).
type riffChunk struct {
	id   string
	body []byte
}

// riffChunks lists chunks up to the end or to one that is cut off.
func riffChunks(b []byte) (chunks []riffChunk) {
	for len(b) >= 8 {
		n := int64(binary.LittleEndian.Uint32(b[4:]))
		if n > int64(len(b)-8) {
			break
		}
		chunks = append(chunks, riffChunk{string(b[:4]), b[8 : 8+n]})
		b = b[min(int64(len(b)), 8+n+n&1):]
	}
	return chunks
}

func webpChunks(b []byte) []riffChunk {
	if len(b) < 12 || string(b[8:12]) != "WEBP" {
		return nil
	}
	return riffChunks(b[12:])
}

// uint24 reads a number of three bytes.
func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// webpConfig returns the size of a WebP, of an animation its canvas.
func webpConfig(b []byte) (image.Config, error) {
	for _, c := range webpChunks(b) {
		if c.id == "VP8X" && len(c.body) >= 10 && c.body[0]&2 != 0 {
			return image.Config{Width: uint24(c.body[4:]) + 1, Height: uint24(c.body[7:]) + 1}, nil
		}
	}
	return webp.DecodeConfig(bytes.NewReader(b))
}

// decodeWebP returns the picture, of an animation its first frame on the whole canvas.
func decodeWebP(b []byte) (image.Image, error) {
	for _, c := range webpChunks(b) {
		if c.id == "ANMF" && len(c.body) >= 16 {
			return decodeWebPFrame(b, c.body)
		}
	}
	return webp.Decode(bytes.NewReader(b))
}

// decodeWebPFrame decodes the body of a frame chunk (RFC 9649, section 2.7.1.1) as a picture of its own.
func decodeWebPFrame(b, frame []byte) (image.Image, error) {
	canvas, err := webpConfig(b)
	if err != nil {
		return nil, err
	}
	w, h := uint24(frame[6:])+1, uint24(frame[9:])+1
	at := image.Pt(2*uint24(frame), 2*uint24(frame[3:]))
	if at.X+w > canvas.Width || at.Y+h > canvas.Height {
		return nil, errors.New("webp: the first frame is larger than the canvas")
	}
	var parts []byte
	alpha := false
	for _, c := range riffChunks(frame[16:]) {
		if c.id == "ALPH" || c.id == "VP8 " || c.id == "VP8L" {
			alpha = alpha || c.id == "ALPH"
			parts = appendRIFF(parts, c.id, c.body)
		}
	}
	if alpha {
		const hasAlpha = 1 << 4
		head := append([]byte{hasAlpha, 0, 0, 0}, frame[6:12]...)
		parts = append(appendRIFF(nil, "VP8X", head), parts...)
	}
	single := appendRIFF(nil, "RIFF", append([]byte("WEBP"), parts...))
	img, err := webp.Decode(bytes.NewReader(single))
	if err != nil {
		return nil, err
	}
	if size := img.Bounds().Size(); size.X != w || size.Y != h {
		return nil, errors.New("webp: a frame is not of the size that it claims")
	}
	return onCanvas(img, at, canvas.Width, canvas.Height), nil
}

func appendRIFF(b []byte, id string, body []byte) []byte {
	b = binary.LittleEndian.AppendUint32(append(b, id...), uint32(len(body)))
	b = append(b, body...)
	if len(body)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

// pngConfig and decodePNG read damaged files as libpng does where every pixel is there.
func pngConfig(b []byte) (image.Config, error) {
	c, err := png.DecodeConfig(bytes.NewReader(b))
	if err == nil {
		return c, nil
	}
	head, err := pngHeader(b, err)
	if err != nil {
		return c, err
	}
	return image.Config{Width: head.width, Height: head.height}, nil
}

func decodePNG(b []byte) (image.Image, error) {
	img, err := png.Decode(bytes.NewReader(b))
	if err == nil {
		return img, nil
	}
	repaired, err := repairPNG(b, err)
	if err != nil {
		return nil, err
	}
	return png.Decode(bytes.NewReader(repaired))
}
