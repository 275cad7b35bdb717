package data

import (
	"fmt"
	"math"
)

// valueRange is how the values of an array become model units.
type valueRange struct {
	half float64 // v becomes v/half - 1; 0: values are taken as they are
}

func (r valueRange) toModel(v float64) float32 {
	if r.half == 0 {
		return float32(v)
	}
	return float32(v/r.half - 1)
}

// scannedElements bounds the elements that are looked at for their range.
const scannedElements = 1 << 25

// findRange finds out which units an array is in. Images of uint8 are bytes. Other images are
// recognised by the least and the greatest value: 0..1, 0..255 and, of integers, 0..65535 are mapped
// to -1..1. All else, and every vector but of uint8, is taken as it is. Of a large array, samples at
// equal distances are looked at.
func (a *Arrays) findRange() error {
	byte8 := a.rows.Type == "uint8"
	if a.vectors {
		if byte8 {
			a.values.half = 127.5
		}
		return nil
	}
	lo, hi, whole, err := a.extremes()
	if err != nil {
		return err
	}
	note := func(of string, half float64) {
		a.values.half = half
		a.notes = append(a.notes, fmt.Sprintf("%s values in the range 0..%s recognised: v becomes v/%g - 1",
			a.rows.Type, of, half))
	}
	integer := a.rows.Type != "float16" && a.rows.Type != "float32" && a.rows.Type != "float64"
	switch {
	case byte8 && hi != 1:
		a.values.half = 127.5
	case lo >= 0 && hi > 0 && hi <= 1:
		note("1", 0.5)
	case lo >= 0 && hi <= 255 && (whole || hi >= 64):
		note("255", 127.5)
	case integer && lo >= 0 && hi <= 65535:
		note("65535", 32767.5)
	case integer:
		return fmt.Errorf("%s values from %g to %g: expected 0..255 or 0..65535, or floats in -1..1", a.rows.Type, lo, hi)
	case lo < -1 || hi > 1:
		a.notes = append(a.notes, fmt.Sprintf("float values from %.4g to %.4g are taken as they are; expected -1..1, beyond which samples may be clipped: scale the array", lo, hi))
	}
	return nil
}

// extremes returns the least and the greatest value and whether all are whole numbers. NaNs are passed over.
func (a *Arrays) extremes() (lo, hi float64, whole bool, err error) {
	lo, hi, whole = math.Inf(1), math.Inf(-1), true
	n := min(a.Len(), max(1, scannedElements/a.rows.RowSize()))
	for k := range n {
		row, err := a.rows.Read(int(int64(k)*int64(a.Len())/int64(n)), 1)
		if err != nil {
			return 0, 0, false, err
		}
		value := numberAt(row)
		for i := range a.rows.RowSize() {
			v := value(i)
			if v < lo {
				lo = v
			}
			if v > hi {
				hi = v
			}
			whole = whole && v == math.Trunc(v)
		}
	}
	return lo, hi, whole, nil
}

// numberAt reads an element of a row of npy.Rows.
func numberAt(row any) func(i int) float64 {
	switch row := row.(type) {
	case []uint8:
		return func(i int) float64 { return float64(row[i]) }
	case []int32:
		return func(i int) float64 { return float64(row[i]) }
	case []int64:
		return func(i int) float64 { return float64(row[i]) }
	default:
		floats := row.([]float32)
		return func(i int) float64 { return float64(floats[i]) }
	}
}
