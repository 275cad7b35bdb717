package jpeg

import "errors"

// huffman is a code by the lengths of its words (T.81 annex C and F.2.2.3).
type huffman struct {
	minCode, maxCode [17]int // maxCode is -1 where no word has the length
	first            [17]int // index of the first value of a length
	values           []byte
}

func (d *decoder) huffmanTables(b []byte) error {
	for len(b) > 0 {
		if len(b) < 17 || b[0]>>4 > 1 || b[0]&15 > 3 {
			return errors.New("bad Huffman table")
		}
		h := &huffman{}
		code, n := 0, 0
		for length := 1; length <= 16; length++ {
			count := int(b[length])
			h.minCode[length], h.first[length], h.maxCode[length] = code, n, code+count-1
			if count == 0 {
				h.maxCode[length] = -1
			}
			code, n = code+count, n+count
			if code > 1<<length {
				return errors.New("bad Huffman code")
			}
			code <<= 1
		}
		if n > 256 || len(b) < 17+n {
			return errors.New("bad Huffman table")
		}
		h.values = b[17 : 17+n]
		d.huffman[b[0]>>4][b[0]&15] = h
		b = b[17+n:]
	}
	return nil
}

// bitReader holds the bits of a byte that are left.
type bitReader struct {
	value uint
	n     int
}

func (d *decoder) bit() (int, error) {
	if d.bits.n == 0 {
		b, ok := d.entropyByte()
		if !ok {
			return 0, errTruncated
		}
		d.bits = bitReader{uint(b), 8}
	}
	d.bits.n--
	return int(d.bits.value>>d.bits.n) & 1, nil
}

// number reads n bits.
func (d *decoder) number(n int) (v int, err error) {
	for range n {
		bit, err := d.bit()
		if err != nil {
			return 0, err
		}
		v = v<<1 | bit
	}
	return v, nil
}

// signed reads n bits as T.81 codes numbers of magnitude category n (Extend, figure F.12).
func (d *decoder) signed(n int) (int, error) {
	v, err := d.number(n)
	if n > 0 && v < 1<<(n-1) {
		v -= 1<<n - 1
	}
	return v, err
}

func (d *decoder) symbol(h *huffman) (int, error) {
	code := 0
	for length := 1; length <= 16; length++ {
		bit, err := d.bit()
		if err != nil {
			return 0, err
		}
		if code = code<<1 | bit; code <= h.maxCode[length] {
			return int(h.values[h.first[length]+code-h.minCode[length]]), nil
		}
	}
	return 0, errors.New("bad Huffman code in the data")
}

// huffmanDC decodes the first scan of a DC coefficient.
func (d *decoder) huffmanDC(c *component, coeffs []int16, low int) error {
	n, err := d.symbol(d.huffman[0][c.dcTable])
	if err != nil {
		return err
	}
	if n > 16 {
		return errors.New("a DC difference out of range")
	}
	diff, err := d.signed(n)
	c.dcPred = int(int32(c.dcPred + diff))
	coeffs[0] = int16(c.dcPred << low)
	return err
}

// huffmanAC decodes AC coefficients, of a sequential picture or the first of a band (T.81 F.2.2.2, G.1.2.2).
func (d *decoder) huffmanAC(c *component, coeffs []int16, s spectrum) error {
	if d.eobRun > 0 {
		d.eobRun--
		return nil
	}
	for k := max(s.from, 1); k <= s.to; k++ {
		v, err := d.symbol(d.huffman[1][c.acTable])
		if err != nil {
			return err
		}
		run, size := v>>4, v&15
		switch {
		case size > 0:
			if k += run; k > s.to {
				return errors.New("too many coefficients in a block")
			}
			value, err := d.signed(size)
			if err != nil {
				return err
			}
			coeffs[zigzag[k]] = int16(value << s.low)
		case run == 15:
			k += 15
		default:
			return d.endOfBand(run)
		}
	}
	return nil
}

// endOfBand reads the number of blocks, this one included, that hold no more of the band.
func (d *decoder) endOfBand(category int) error {
	extra, err := d.number(category)
	d.eobRun = 1<<category + extra - 1
	return err
}

// huffmanRefine decodes one more bit of the AC coefficients of a band (T.81 G.1.2.3).
func (d *decoder) huffmanRefine(c *component, coeffs []int16, s spectrum) error {
	k := s.from
	for ; k <= s.to && d.eobRun == 0; k++ {
		v, err := d.symbol(d.huffman[1][c.acTable])
		if err != nil {
			return err
		}
		run, size := v>>4, v&15
		value := 0
		switch {
		case size == 1:
			bit, err := d.bit()
			if err != nil {
				return err
			}
			value = (2*bit - 1) << s.low
		case size > 1:
			return errors.New("bad refinement of a coefficient")
		case run < 15:
			if err := d.endOfBand(run); err != nil {
				return err
			}
			d.eobRun++ // this block, which is not yet at its end
		}
		if d.eobRun > 0 {
			break
		}
		if k, err = d.skipZeros(coeffs, k, run, s); err != nil {
			return err
		}
		if value != 0 {
			if k > s.to {
				return errors.New("too many coefficients in a block")
			}
			coeffs[zigzag[k]] = int16(value)
		}
	}
	if d.eobRun == 0 {
		return nil
	}
	d.eobRun--
	_, err := d.skipZeros(coeffs, k, 64, s)
	return err
}

// skipZeros goes over n zero coefficients from k on, to the next zero, and refines the others on the way.
func (d *decoder) skipZeros(coeffs []int16, k, n int, s spectrum) (int, error) {
	for ; k <= s.to; k++ {
		v := &coeffs[zigzag[k]]
		if *v == 0 {
			if n == 0 {
				break
			}
			n--
			continue
		}
		bit, err := d.bit()
		if err != nil {
			return 0, err
		}
		refine(v, bit, s.low)
	}
	return k, nil
}

// refine adds a bit to the magnitude of a coefficient that is not 0.
func refine(v *int16, bit, low int) {
	if bit == 0 {
		return
	}
	if *v < 0 {
		*v -= 1 << low
	} else {
		*v += 1 << low
	}
}
