package data

import (
	"bytes"
	"encoding/binary"
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
