package jpeg

import (
	"errors"
	"fmt"
)

// spectrum is the part of the coefficients that a scan codes: indices from..to in zigzag order, bits
// from high (0: the first scan) down to low.
type spectrum struct{ from, to, high, low int }

// scan reads a scan header (T.81 B.2.3) and decodes its data.
func (d *decoder) scan(b []byte) error {
	if d.comps == nil {
		return errors.New("a scan before the frame header")
	}
	if d.scans++; d.scans > maxScans {
		return fmt.Errorf("more than %d scans are refused", maxScans)
	}
	if len(b) < 1 || b[0] < 1 || int(b[0]) > len(d.comps) || len(b) != 4+2*int(b[0]) {
		return errors.New("bad scan header")
	}
	n := int(b[0])
	comps := make([]*component, n)
	blocks := 0
	for i := range comps {
		for k := range d.comps {
			if c := &d.comps[k]; c.id == int(b[1+2*i]) {
				comps[i] = c
				c.dcTable, c.acTable = int(b[2+2*i]>>4), int(b[2+2*i]&15)
			}
		}
		c := comps[i]
		if c == nil || c.dcTable > 3 || c.acTable > 3 {
			return errors.New("bad component of a scan")
		}
		blocks += c.h * c.v
		if c.coeffs == nil {
			c.coeffs = make([]int16, 64*c.stride*d.mcusY*c.v)
		}
	}
	s := spectrum{int(b[1+2*n]), int(b[2+2*n]), int(b[3+2*n] >> 4), int(b[3+2*n] & 15)}
	if !d.progressive {
		s = spectrum{0, 63, 0, 0}
	}
	if s.from > s.to || s.to > 63 || s.low > 13 || s.high > 13 || n > 1 && blocks > 10 ||
		d.progressive && (s.from == 0 && s.to != 0 || s.from > 0 && n > 1) {
		return errors.New("bad scan parameters")
	}
	if err := d.checkTables(comps, s); err != nil {
		return err
	}
	return d.decodeScan(comps, s)
}

// checkTables reports Huffman tables that a scan lacks.
func (d *decoder) checkTables(comps []*component, s spectrum) error {
	if d.arithmetic {
		return nil
	}
	for _, c := range comps {
		if s.from == 0 && s.high == 0 && d.huffman[0][c.dcTable] == nil || s.to > 0 && d.huffman[1][c.acTable] == nil {
			return errors.New("a Huffman table is missing")
		}
	}
	return nil
}

// decodeScan goes through the blocks of a scan.
func (d *decoder) decodeScan(comps []*component, s spectrum) error {
	mcusX, mcusY := d.mcusX, d.mcusY
	if len(comps) == 1 {
		mcusX, mcusY = comps[0].blocksX, comps[0].blocksY
	}
	d.startInterval(comps)
	for mcu := range mcusX * mcusY {
		if d.restart > 0 && mcu > 0 && mcu%d.restart == 0 {
			if err := d.nextInterval(comps); err != nil {
				return err
			}
		}
		x, y := mcu%mcusX, mcu/mcusX
		if len(comps) == 1 {
			if err := d.block(comps[0], x, y, s); err != nil {
				return err
			}
			continue
		}
		for _, c := range comps {
			for k := range c.h * c.v {
				if err := d.block(c, x*c.h+k%c.h, y*c.v+k/c.h, s); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// startInterval begins a restart interval, which knows nothing of those before.
func (d *decoder) startInterval(comps []*component) {
	for _, c := range comps {
		c.dcPred, c.dcContext = 0, 0
	}
	d.eobRun = 0
	d.bits = bitReader{}
	if d.arithmetic {
		d.coder.reset(d)
	}
}

// nextInterval goes to the next restart marker.
func (d *decoder) nextInterval(comps []*component) error {
	marker, ok := d.nextMarker()
	if !ok {
		return errTruncated
	}
	if marker < markerRST0 || marker >= markerRST0+8 {
		return fmt.Errorf("marker %#x where a restart is expected", marker)
	}
	d.startInterval(comps)
	return nil
}

// block decodes what a scan holds of one block.
func (d *decoder) block(c *component, x, y int, s spectrum) error {
	at := 64 * (y*c.stride + x)
	coeffs := c.coeffs[at : at+64 : at+64]
	switch {
	case d.arithmetic:
		return d.arithmeticBlock(c, coeffs, s)
	case !d.progressive:
		if err := d.huffmanDC(c, coeffs, 0); err != nil {
			return err
		}
		return d.huffmanAC(c, coeffs, s)
	case s.from == 0 && s.high == 0:
		return d.huffmanDC(c, coeffs, s.low)
	case s.from == 0:
		bit, err := d.bit()
		coeffs[0] |= int16(bit << s.low)
		return err
	case s.high == 0:
		return d.huffmanAC(c, coeffs, s)
	}
	return d.huffmanRefine(c, coeffs, s)
}

// entropyByte returns the next byte of a scan's data, without stuffing; none at a marker or the end.
func (d *decoder) entropyByte() (byte, bool) {
	if d.at >= len(d.data) {
		return 0, false
	}
	b := d.data[d.at]
	if b == 0xff {
		next := d.at + 1
		for next < len(d.data) && d.data[next] == 0xff {
			next++
		}
		if next >= len(d.data) || d.data[next] != 0 {
			return 0, false
		}
		d.at = next
	}
	d.at++
	return b, true
}
