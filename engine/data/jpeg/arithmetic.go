package jpeg

import "errors"

// probability is a state of the probability estimate (T.81 table D.3).
type probability struct {
	qe       uint32 // of the less probable symbol
	lps, mps uint8  // the state after one or the other
	exchange bool   // the symbols change places after the less probable one
}

var probabilities = [...]probability{
	{0x5a1d, 1, 1, true}, {0x2586, 14, 2, false}, {0x1114, 16, 3, false}, {0x080b, 18, 4, false},
	{0x03d8, 20, 5, false}, {0x01da, 23, 6, false}, {0x00e5, 25, 7, false}, {0x006f, 28, 8, false},
	{0x0036, 30, 9, false}, {0x001a, 33, 10, false}, {0x000d, 35, 11, false}, {0x0006, 9, 12, false},
	{0x0003, 10, 13, false}, {0x0001, 12, 13, false}, {0x5a7f, 15, 15, true}, {0x3f25, 36, 16, false},
	{0x2cf2, 38, 17, false}, {0x207c, 39, 18, false}, {0x17b9, 40, 19, false}, {0x1182, 42, 20, false},
	{0x0cef, 43, 21, false}, {0x09a1, 45, 22, false}, {0x072f, 46, 23, false}, {0x055c, 48, 24, false},
	{0x0406, 49, 25, false}, {0x0303, 51, 26, false}, {0x0240, 52, 27, false}, {0x01b1, 54, 28, false},
	{0x0144, 56, 29, false}, {0x00f5, 57, 30, false}, {0x00b7, 59, 31, false}, {0x008a, 60, 32, false},
	{0x0068, 62, 33, false}, {0x004e, 63, 34, false}, {0x003b, 32, 35, false}, {0x002c, 33, 9, false},
	{0x5ae1, 37, 37, true}, {0x484c, 64, 38, false}, {0x3a0d, 65, 39, false}, {0x2ef1, 67, 40, false},
	{0x261f, 68, 41, false}, {0x1f33, 69, 42, false}, {0x19a8, 70, 43, false}, {0x1518, 72, 44, false},
	{0x1177, 73, 45, false}, {0x0e74, 74, 46, false}, {0x0bfb, 75, 47, false}, {0x09f8, 77, 48, false},
	{0x0861, 78, 49, false}, {0x0706, 79, 50, false}, {0x05cd, 48, 51, false}, {0x04de, 50, 52, false},
	{0x040f, 50, 53, false}, {0x0363, 51, 54, false}, {0x02d4, 52, 55, false}, {0x025c, 53, 56, false},
	{0x01f8, 54, 57, false}, {0x01a4, 55, 58, false}, {0x0160, 56, 59, false}, {0x0125, 57, 60, false},
	{0x00f6, 58, 61, false}, {0x00cb, 59, 62, false}, {0x00ab, 61, 63, false}, {0x008f, 61, 32, false},
	{0x5b12, 65, 65, true}, {0x4d04, 80, 66, false}, {0x412c, 81, 67, false}, {0x37d8, 82, 68, false},
	{0x2fe8, 83, 69, false}, {0x293c, 84, 70, false}, {0x2379, 86, 71, false}, {0x1edf, 87, 72, false},
	{0x1aa9, 87, 73, false}, {0x174e, 72, 74, false}, {0x1424, 72, 75, false}, {0x119c, 74, 76, false},
	{0x0f6b, 74, 77, false}, {0x0d51, 75, 78, false}, {0x0bb6, 77, 79, false}, {0x0a40, 77, 48, false},
	{0x5832, 80, 81, true}, {0x4d1c, 88, 82, false}, {0x438e, 89, 83, false}, {0x3bdd, 90, 84, false},
	{0x34ee, 91, 85, false}, {0x2eae, 92, 86, false}, {0x299a, 93, 87, false}, {0x2516, 86, 71, false},
	{0x5570, 88, 89, true}, {0x4ca9, 95, 90, false}, {0x44d9, 96, 91, false}, {0x3e22, 97, 92, false},
	{0x3824, 99, 93, false}, {0x32b4, 99, 94, false}, {0x2e17, 93, 86, false}, {0x56a8, 95, 96, true},
	{0x4f46, 101, 97, false}, {0x47e5, 102, 98, false}, {0x41cf, 103, 99, false}, {0x3c3d, 104, 100, false},
	{0x375e, 99, 93, false}, {0x5231, 105, 102, false}, {0x4c0f, 106, 103, false}, {0x4639, 107, 104, false},
	{0x415e, 103, 99, false}, {0x5627, 105, 106, true}, {0x50e7, 108, 107, false}, {0x4b85, 109, 103, false},
	{0x5597, 110, 109, false}, {0x504f, 111, 107, false}, {0x5a10, 110, 111, true}, {0x5522, 112, 109, false},
	{0x59eb, 112, 111, true},
	{0x5a1d, fixedState, fixedState, false}, // 1/2, whatever was coded
}

const fixedState = 113

// bin is a statistics bin: the state and the more probable symbol.
type bin struct {
	state uint8
	mps   uint8
}

// arithmeticDecoder decodes binary decisions (T.81 D.2). The upper half of c is the register Cx.
type arithmeticDecoder struct {
	a, c  uint32
	ct    int
	fixed bin
	dc    [4][64]bin
	ac    [4][256]bin
}

func (e *arithmeticDecoder) reset(d *decoder) {
	*e = arithmeticDecoder{a: 0x10000, fixed: bin{state: fixedState}}
	e.byteIn(d)
	e.c <<= 8
	e.byteIn(d)
	e.c <<= 8
}

// byteIn takes the next byte. Behind the data there are zeros, which encoders leave out.
func (e *arithmeticDecoder) byteIn(d *decoder) {
	if b, ok := d.entropyByte(); ok {
		e.c += uint32(b) << 8
	}
}

// decide decodes a decision by the statistics of b (figures D.13 to D.18).
func (e *arithmeticDecoder) decide(d *decoder, b *bin) int {
	p := &probabilities[b.state]
	symbol := b.mps
	e.a -= p.qe
	switch less := e.c>>16 >= e.a; {
	case !less && e.a >= 0x8000:
		return int(symbol)
	case less == (e.a >= p.qe): // the less probable symbol, or an exchange
		if less {
			e.c -= e.a << 16
			e.a = p.qe
		}
		symbol ^= 1
		if p.exchange {
			b.mps ^= 1
		}
		b.state = p.lps
	default:
		if less {
			e.c -= e.a << 16
			e.a = p.qe
		}
		b.state = p.mps
	}
	for ok := true; ok; ok = e.a < 0x8000 {
		if e.ct == 0 {
			e.byteIn(d)
			e.ct = 8
		}
		e.a, e.c, e.ct = e.a<<1, e.c<<1, e.ct-1
	}
	return int(symbol)
}

var errArithmetic = errors.New("bad arithmetic code in the data")

// arithmeticBlock decodes what a scan holds of one block.
func (d *decoder) arithmeticBlock(c *component, coeffs []int16, s spectrum) error {
	if s.from == 0 && s.high > 0 {
		coeffs[0] |= int16(d.coder.decide(d, &d.coder.fixed) << s.low)
		return nil
	}
	if s.from == 0 {
		if err := d.arithmeticDC(c); err != nil {
			return err
		}
		coeffs[0] = int16(c.dcPred << s.low)
	}
	if s.to == 0 {
		return nil
	}
	if s.high > 0 {
		return d.arithmeticRefine(c, coeffs, s)
	}
	return d.arithmeticAC(c, coeffs, s)
}

// arithmeticDC decodes a DC difference (T.81 F.1.4.1, statistics of table F.4).
func (d *decoder) arithmeticDC(c *component) error {
	e, bins := &d.coder, &d.coder.dc[c.dcTable]
	s0 := c.dcContext
	c.dcContext = 0
	if e.decide(d, &bins[s0]) == 0 {
		return nil
	}
	sign := e.decide(d, &bins[s0+1])
	magnitude, at := 0, s0+2+sign
	if e.decide(d, &bins[at]) == 1 {
		const x1 = 20
		var err error
		if magnitude, at, err = d.magnitude(bins[:], x1, 1); err != nil {
			return err
		}
	}
	switch { // the class of the difference is the context of the next one
	case magnitude < 1<<d.dcLow[c.dcTable]>>1:
	case magnitude > 1<<d.dcHigh[c.dcTable]>>1:
		c.dcContext = 12 + 4*sign
	default:
		c.dcContext = 4 + 4*sign
	}
	c.dcPred = int(int32(c.dcPred + d.value(bins[:], at+14, magnitude, sign)))
	return nil
}

// magnitude decodes the power of two, from first on, of a value less 1, and returns the bin it ended in.
func (d *decoder) magnitude(bins []bin, at, first int) (int, int, error) {
	m := first
	for d.coder.decide(d, &bins[at]) == 1 {
		if m <<= 1; m == 1<<15 {
			return 0, 0, errArithmetic
		}
		at++
	}
	return m, at, nil
}

// value decodes the lower bits of a value whose magnitude less 1 has the leading bit m.
func (d *decoder) value(bins []bin, at, m, sign int) int {
	v := m
	for m >>= 1; m > 0; m >>= 1 {
		if d.coder.decide(d, &bins[at]) == 1 {
			v |= m
		}
	}
	if sign == 1 {
		return -v - 1
	}
	return v + 1
}

// arithmeticAC decodes AC coefficients (T.81 F.1.4.2, statistics of table F.5).
func (d *decoder) arithmeticAC(c *component, coeffs []int16, s spectrum) error {
	e, bins := &d.coder, &d.coder.ac[c.acTable]
	for k := max(s.from, 1); k <= s.to; k++ {
		at := 3 * (k - 1)
		if e.decide(d, &bins[at]) == 1 { // end of block
			return nil
		}
		for e.decide(d, &bins[at+1]) == 0 {
			if k++; k > s.to {
				return errArithmetic
			}
			at += 3
		}
		sign := e.decide(d, &e.fixed)
		magnitude := 0
		at += 2
		if e.decide(d, &bins[at]) == 1 {
			magnitude = 1
			if e.decide(d, &bins[at]) == 1 {
				x2 := 217
				if k <= d.acK[c.acTable] {
					x2 = 189
				}
				var err error
				if magnitude, at, err = d.magnitude(bins[:], x2, 2); err != nil {
					return err
				}
			}
		}
		coeffs[zigzag[k]] = int16(d.value(bins[:], at+14, magnitude, sign) << s.low)
	}
	return nil
}

// arithmeticRefine decodes one more bit of the AC coefficients of a band (T.81 G.1.3.3).
func (d *decoder) arithmeticRefine(c *component, coeffs []int16, s spectrum) error {
	e, bins := &d.coder, &d.coder.ac[c.acTable]
	last := s.to
	for last >= s.from && coeffs[zigzag[last]] == 0 {
		last--
	}
	for k := s.from; k <= s.to; k++ {
		if k > last && e.decide(d, &bins[3*(k-1)]) == 1 { // end of block
			return nil
		}
		for ; ; k++ {
			if k > s.to {
				return errArithmetic
			}
			at, v := 3*(k-1), &coeffs[zigzag[k]]
			if *v != 0 {
				refine(v, e.decide(d, &bins[at+2]), s.low)
				break
			}
			if e.decide(d, &bins[at+1]) == 1 {
				*v = int16((1 - 2*e.decide(d, &e.fixed)) << s.low)
				break
			}
		}
	}
	return nil
}
