package data

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

const pngMagic = "\x89PNG\r\n\x1a\n"

// pngChunk is a part of a PNG file (PNG third edition, section 5.3).
type pngChunk struct {
	kind   string
	body   []byte
	summed bool // its sum is there
	valid  bool // and right
}

// pngChunks lists the chunks up to IEND or the end of the file. Of the last one, what is there.
func pngChunks(b []byte) (chunks []pngChunk) {
	b = bytes.TrimPrefix(b, []byte(pngMagic))
	for len(b) >= 8 {
		n := int64(binary.BigEndian.Uint32(b))
		c := pngChunk{kind: string(b[4:8])}
		if n > int64(len(b)-8) {
			c.body = b[8:]
			return append(chunks, c)
		}
		c.body = b[8 : 8+n]
		end := min(int64(len(b)), 12+n)
		c.summed = end == 12+n
		c.valid = c.summed && crc32.ChecksumIEEE(b[4:8+n]) == binary.BigEndian.Uint32(b[8+n:])
		chunks = append(chunks, c)
		if c.kind == "IEND" {
			break
		}
		b = b[end:]
	}
	return chunks
}

// pngHead is the content of an IHDR chunk.
type pngHead struct {
	body          []byte
	width, height int
	bits          int // of a pixel
	interlaced    bool
}

// pngHeader reads the IHDR chunk; other than that it returns the error of image/png.
func pngHeader(b []byte, err error) (pngHead, error) {
	chunks := pngChunks(b)
	if len(chunks) == 0 || chunks[0].kind != "IHDR" || !chunks[0].valid || len(chunks[0].body) != 13 {
		return pngHead{}, err
	}
	body := chunks[0].body
	samples := map[byte]int{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[body[9]]
	w, h := binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:])
	if samples == 0 || w > 1<<30 || h > 1<<30 {
		return pngHead{}, err
	}
	return pngHead{body, int(w), int(h), samples * int(body[8]), body[12] == 1}, nil
}

// dataSize is the length of the unpacked pixels: rows of whole bytes, each after its filter byte.
func (h pngHead) dataSize() int64 {
	pass := func(x0, y0, dx, dy int) int64 {
		w, rows := (h.width-x0+dx-1)/dx, (h.height-y0+dy-1)/dy
		if w <= 0 || rows <= 0 {
			return 0
		}
		return int64(rows) * int64(1+(w*h.bits+7)/8)
	}
	if !h.interlaced {
		return pass(0, 0, 1, 1)
	}
	// Adam7 (section 8.1).
	return pass(0, 0, 8, 8) + pass(4, 0, 8, 8) + pass(0, 4, 4, 8) + pass(2, 0, 4, 4) + pass(0, 2, 2, 4) + pass(1, 0, 2, 2) + pass(0, 1, 1, 2)
}

// repairPNG writes a PNG anew that image/png refused with an error, from its header, palette,
// transparency and pixels. Ancillary chunks and their sums do not count, nor what follows the last
// pixel. Damaged pixels are an error.
func repairPNG(b []byte, refused error) ([]byte, error) {
	head, err := pngHeader(b, refused)
	if err != nil {
		return nil, err
	}
	if int64(head.width)*int64(head.height) > MaxPicturePixels {
		return nil, refused
	}
	out := appendPNG([]byte(pngMagic), "IHDR", head.body)
	var packed []byte
	for i, c := range pngChunks(b) {
		switch c.kind {
		case "PLTE", "tRNS":
			if !c.valid {
				return nil, fmt.Errorf("chunk %d, %s, is damaged", i, c.kind)
			}
			out = appendPNG(out, c.kind, c.body)
		case "IDAT":
			if c.summed && !c.valid {
				return nil, fmt.Errorf("chunk %d, %s, is damaged", i, c.kind)
			}
			packed = append(packed, c.body...)
		}
	}
	pixels, err := inflate(packed, head.dataSize())
	if err != nil {
		return nil, err
	}
	var z bytes.Buffer
	w, err := zlib.NewWriterLevel(&z, zlib.NoCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(pixels); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return appendPNG(appendPNG(out, "IDAT", z.Bytes()), "IEND", nil), nil
}

// inflate unpacks n bytes, whatever follows them.
func inflate(packed []byte, n int64) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, errors.New("truncated: no pixels")
	}
	defer r.Close()
	pixels, err := io.ReadAll(io.LimitReader(r, n))
	switch {
	case int64(len(pixels)) == n:
		return pixels, nil
	case err == nil || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("truncated: %d%% of the pixels are there", int64(len(pixels))*100/n)
	}
	return nil, err
}

func appendPNG(b []byte, kind string, body []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	at := len(b)
	b = append(append(b, kind...), body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[at:]))
}
