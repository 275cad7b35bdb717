package data

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"io"
	"regexp"
)

// exifOrientation returns the orientation tag (0x0112) of a JPEG's EXIF segment (CIPA DC-008), 1..8; 1, upright, where there is none or
// it cannot be read.
func exifOrientation(b []byte) int {
	for at := 2; at+4 <= len(b) && b[at] == 0xff; {
		marker, length := b[at+1], int(binary.BigEndian.Uint16(b[at+2:]))
		if marker == 0xff { // a fill byte
			at++
			continue
		}
		end := at + 2 + length
		if marker == 0xda || length < 2 || end > len(b) { // the scan begins, or the segment lies
			return 1
		}
		if body, ok := bytes.CutPrefix(b[at+4:end], []byte("Exif\x00\x00")); ok && marker == 0xe1 {
			return tiffOrientation(body)
		}
		at = end
	}
	return 1
}

// exifBlock returns the orientation in an EXIF block of a PNG or WebP, with or without the prefix of JPEG's.
func exifBlock(b []byte) int { return tiffOrientation(bytes.TrimPrefix(b, []byte("Exif\x00\x00"))) }

// webpOrientation returns the orientation in the EXIF chunk of a WebP (RFC 9649, section 2.7.1.5).
func webpOrientation(b []byte) int {
	for _, c := range webpChunks(b) {
		if c.id == "EXIF" {
			return exifBlock(c.body)
		}
	}
	return 1
}

// pngOrientation returns the orientation in the eXIf chunk of a PNG (PNG third edition, section
// 11.3.4.5), in the text in which ImageMagick keeps EXIF, or in XMP.
func pngOrientation(b []byte) int {
	for _, c := range pngChunks(b) {
		if c.kind == "eXIf" {
			return exifBlock(c.body)
		}
	}
	for _, c := range pngChunks(b) {
		keyword, text := pngText(c)
		switch keyword {
		case "Raw profile type exif", "Raw profile type APP1":
			if o := rawProfile(text); o > 1 {
				return o
			}
		case "XML:com.adobe.xmp":
			if m := xmpOrientation.FindSubmatch(text); m != nil {
				return int(m[1][0] - '0')
			}
		}
	}
	return 1
}

// xmpOrientation is tiff:Orientation as an attribute or an element of XMP.
var xmpOrientation = regexp.MustCompile(`tiff:Orientation(?:="|>)([1-8])["<]`)

// maxPNGText bounds the text of a chunk that is unpacked.
const maxPNGText = 1 << 20

// pngText returns the keyword and the text of a tEXt, zTXt or iTXt chunk.
func pngText(c pngChunk) (keyword string, text []byte) {
	key, rest, ok := bytes.Cut(c.body, []byte{0})
	if !ok {
		return "", nil
	}
	packed := false
	switch c.kind {
	case "tEXt":
	case "zTXt":
		if packed = len(rest) > 0; packed {
			rest = rest[1:]
		}
	case "iTXt": // flag, method, language, translated keyword
		if len(rest) < 2 {
			return "", nil
		}
		packed = rest[0] == 1
		parts := bytes.SplitN(rest[2:], []byte{0}, 3)
		if len(parts) < 3 {
			return "", nil
		}
		rest = parts[2]
	default:
		return "", nil
	}
	if packed {
		r, err := zlib.NewReader(bytes.NewReader(rest))
		if err != nil {
			return "", nil
		}
		defer r.Close()
		rest, _ = io.ReadAll(io.LimitReader(r, maxPNGText)) // what can be read
	}
	return string(key), rest
}

// rawProfile reads ImageMagick's form of a profile: a line with its name, one with its length, hexadecimal digits.
func rawProfile(text []byte) int {
	fields := bytes.Fields(text)
	if len(fields) < 3 {
		return 1
	}
	b, err := hex.DecodeString(string(bytes.Join(fields[2:], nil)))
	if err != nil {
		return 1
	}
	return exifBlock(b)
}

// tiffOrientation looks for the tag in the first directory of a TIFF header.
func tiffOrientation(b []byte) int {
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case len(b) < 8:
		return 1
	case string(b[:4]) == "MM\x00*":
		order = binary.BigEndian
	case string(b[:4]) != "II*\x00":
		return 1
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return 1
	}
	entries := b[at+2:]
	for n := int(order.Uint16(b[at:])); n > 0 && len(entries) >= 12; n-- {
		const short = 3
		if order.Uint16(entries) == 0x0112 && order.Uint16(entries[2:]) == short {
			if v := int(order.Uint16(entries[8:])); v >= 1 && v <= 8 {
				return v
			}
			return 1
		}
		entries = entries[12:]
	}
	return 1
}

// oriented returns where pixel (x, y) of the picture as shown lies in the picture as stored, which is w x h.
func oriented(orientation, x, y, w, h int) (sx, sy int) {
	if orientation >= 5 {
		x, y = y, x
	}
	switch orientation {
	case 2, 3, 7, 8:
		x = w - 1 - x
	}
	switch orientation {
	case 3, 4, 6, 7:
		y = h - 1 - y
	}
	return x, y
}
