// Package jpeg decodes the JPEG pictures that image/jpeg refuses: every sampling factor, arithmetic
// coding, and files without an end marker. It follows ITU-T T.81 (1992), with the baseline, extended
// and progressive processes of 8 bits. It is written to be complete, not fast.
package jpeg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
)

// Markers (T.81 table B.1).
const (
	markerSOF0  = 0xc0 // baseline
	markerSOF2  = 0xc2 // progressive
	markerDHT   = 0xc4
	markerSOF9  = 0xc9 // sequential, arithmetic coding
	markerSOF10 = 0xca // progressive, arithmetic coding
	markerDAC   = 0xcc
	markerRST0  = 0xd0
	markerSOI   = 0xd8
	markerEOI   = 0xd9
	markerSOS   = 0xda
	markerDQT   = 0xdb
	markerDRI   = 0xdd
	markerAPP14 = 0xee
)

// maxScans bounds the scans of a picture, each of which visits all of it.
const maxScans = 256

var errTruncated = errors.New("truncated: the data end before the last pixel")

// component is a colour component of the picture.
type component struct {
	id, h, v, quant int
	blocksX         int // across, without padding
	blocksY         int
	stride          int     // blocks across, padded to whole MCUs
	coeffs          []int16 // 64 a block in natural order, not dequantized
	pixels          []byte  // 8*stride across

	dcTable, acTable  int // of the scan
	dcPred, dcContext int
}

type decoder struct {
	data []byte
	at   int

	width, height           int
	progressive, arithmetic bool
	comps                   []component
	hMax, vMax              int
	mcusX, mcusY            int

	quant     [4]*[64]uint16
	huffman   [2][4]*huffman // DC, AC
	dcLow     [4]int         // arithmetic conditioning, T.81 F.1.4.4.1.4
	dcHigh    [4]int
	acK       [4]int
	restart   int
	transform int // Adobe's colour transform, -1 without APP14
	scans     int

	bits   bitReader
	coder  arithmeticDecoder
	eobRun int
}

// DecodeConfig returns the size of a picture.
func DecodeConfig(data []byte) (image.Config, error) {
	d := newDecoder(data)
	if err := d.segments(true); err != nil {
		return image.Config{}, err
	}
	return image.Config{Width: d.width, Height: d.height}, nil
}

// Decode returns a picture: *image.Gray of one component, *image.RGBA of three or four.
func Decode(data []byte) (image.Image, error) {
	d := newDecoder(data)
	if err := d.segments(false); err != nil {
		return nil, err
	}
	return d.image()
}

func newDecoder(data []byte) *decoder {
	return &decoder{data: data, transform: -1, dcHigh: [4]int{1, 1, 1, 1}, acK: [4]int{5, 5, 5, 5}}
}

// segments reads the segments up to the end of the image or, if header is set, to the frame header.
func (d *decoder) segments(header bool) error {
	if len(d.data) < 2 || d.data[0] != 0xff || d.data[1] != markerSOI {
		return errors.New("not a JPEG picture")
	}
	d.at = 2
	for {
		marker, ok := d.nextMarker()
		if !ok || marker == markerEOI {
			if d.scans == 0 {
				return errTruncated
			}
			return nil // every scan was whole
		}
		if marker >= markerRST0 && marker <= markerSOI || marker == 0x01 {
			continue
		}
		body, err := d.segment()
		if err != nil {
			return err
		}
		if err := d.take(marker, body); err != nil {
			return err
		}
		if header && d.comps != nil {
			return nil
		}
	}
}

// nextMarker goes behind the next marker.
func (d *decoder) nextMarker() (byte, bool) {
	for ; d.at+1 < len(d.data); d.at++ {
		if m := d.data[d.at+1]; d.data[d.at] == 0xff && m != 0 && m != 0xff {
			d.at += 2
			return m, true
		}
	}
	return 0, false
}

// segment returns the body of a segment.
func (d *decoder) segment() ([]byte, error) {
	if d.at+2 > len(d.data) {
		return nil, errTruncated
	}
	n := int(binary.BigEndian.Uint16(d.data[d.at:]))
	if n < 2 || d.at+n > len(d.data) {
		return nil, errTruncated
	}
	body := d.data[d.at+2 : d.at+n]
	d.at += n
	return body, nil
}

// take reads one segment.
func (d *decoder) take(marker byte, body []byte) error {
	switch marker {
	case markerDQT:
		return d.quantization(body)
	case markerDHT:
		return d.huffmanTables(body)
	case markerDAC:
		return d.conditioning(body)
	case markerDRI:
		if len(body) != 2 {
			return errors.New("bad restart interval")
		}
		d.restart = int(binary.BigEndian.Uint16(body))
	case markerAPP14:
		if len(body) >= 12 && string(body[:5]) == "Adobe" {
			d.transform = int(body[11])
		}
	case markerSOS:
		return d.scan(body)
	case markerSOF0, markerSOF0 + 1, markerSOF2, markerSOF9, markerSOF10:
		d.progressive = marker == markerSOF2 || marker == markerSOF10
		d.arithmetic = marker >= markerSOF9
		return d.frame(body)
	case 0xc3, 0xc5, 0xc6, 0xc7, 0xc8, 0xcb, 0xcd, 0xce, 0xcf:
		return fmt.Errorf("JPEG process SOF%d (lossless or hierarchical) is not read: save the picture as a baseline JPEG or a PNG", marker-markerSOF0)
	}
	return nil
}

func (d *decoder) quantization(b []byte) error {
	for len(b) > 0 {
		precision, id := int(b[0]>>4), int(b[0]&15)
		n := 64 * (precision + 1)
		if precision > 1 || id > 3 || len(b) < 1+n {
			return errors.New("bad quantization table")
		}
		table := new([64]uint16)
		for i, at := range zigzag {
			if precision == 0 {
				table[at] = uint16(b[1+i])
			} else {
				table[at] = binary.BigEndian.Uint16(b[1+2*i:])
			}
		}
		d.quant[id] = table
		b = b[1+n:]
	}
	return nil
}

func (d *decoder) conditioning(b []byte) error {
	for ; len(b) >= 2; b = b[2:] {
		class, id, value := b[0]>>4, b[0]&15, int(b[1])
		switch {
		case class > 1 || id > 3 || class == 0 && value&15 > value>>4 || class == 1 && (value < 1 || value > 63):
			return errors.New("bad arithmetic conditioning")
		case class == 0:
			d.dcLow[id], d.dcHigh[id] = value&15, value>>4
		default:
			d.acK[id] = value
		}
	}
	return nil
}

// frame reads a frame header (T.81 B.2.2).
func (d *decoder) frame(b []byte) error {
	if d.comps != nil || len(b) < 6 {
		return errors.New("bad frame header")
	}
	if b[0] != 8 {
		return fmt.Errorf("a JPEG of %d bits is not read: save it with 8 bits", b[0])
	}
	d.height, d.width = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	n := int(b[5])
	if d.height == 0 || d.width == 0 || n != 1 && n != 3 && n != 4 || len(b) != 6+3*n {
		return fmt.Errorf("%d components of %dx%d pixels: expected 1, 3 or 4", n, d.width, d.height)
	}
	comps := make([]component, n)
	for i := range comps {
		c := &comps[i]
		c.id, c.h, c.v, c.quant = int(b[6+3*i]), int(b[7+3*i]>>4), int(b[7+3*i]&15), int(b[8+3*i])
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.quant > 3 {
			return fmt.Errorf("component %d: sampling %dx%d: expected 1..4", i, c.h, c.v)
		}
		if n == 1 { // a scan of one component has one block an MCU
			c.h, c.v = 1, 1
		}
		d.hMax, d.vMax = max(d.hMax, c.h), max(d.vMax, c.v)
	}
	d.mcusX, d.mcusY = ceil(d.width, 8*d.hMax), ceil(d.height, 8*d.vMax)
	for i := range comps {
		c := &comps[i]
		c.blocksX, c.blocksY = ceil(ceil(d.width*c.h, d.hMax), 8), ceil(ceil(d.height*c.v, d.vMax), 8)
		c.stride = d.mcusX * c.h
	}
	d.comps = comps
	return nil
}

func ceil(a, b int) int { return (a + b - 1) / b }

// zigzag is where the coefficients lie, in the order of the data (T.81 figure A.6).
var zigzag = [64]int{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}
