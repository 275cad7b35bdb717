package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"
)

// maxDims bounds a tensor's rank in a header.
const maxDims = 32

// header is the parsed JSON header of a safetensors file.
type header struct {
	metadata map[string]string
	infos    []Info
}

// headerParser walks the header's tokens, so that a hostile header costs no
// more memory than its own size allows.
type headerParser struct{ dec *json.Decoder }

// parseHeader reads a header. Duplicate names, unknown types and shapes that do
// not fit their byte range are errors.
func parseHeader(text []byte) (header, error) {
	if len(text) == 0 || text[0] != '{' {
		return header{}, errors.New("it does not start with '{': not a safetensors file, or a damaged one")
	}
	if !utf8.Valid(text) {
		return header{}, errors.New("it is not valid UTF-8")
	}
	p := headerParser{json.NewDecoder(bytes.NewReader(text))}
	p.dec.UseNumber()
	h := header{}
	err := p.object(func(key string) error {
		if key == "__metadata__" {
			h.metadata = map[string]string{}
			return p.metadata(h.metadata)
		}
		info, err := p.tensor(key)
		h.infos = append(h.infos, info)
		return err
	})
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the JSON text ends early")
	}
	if err == nil {
		if _, trailing := p.dec.Token(); !errors.Is(trailing, io.EOF) {
			err = fmt.Errorf("text follows the JSON object at byte %d", p.dec.InputOffset())
		}
	}
	return h, err
}

func (p headerParser) expect(want json.Delim) error {
	tok, err := p.dec.Token()
	if err != nil {
		return err
	}
	if tok != want {
		return fmt.Errorf("got %v at byte %d, want '%v'", tok, p.dec.InputOffset(), want)
	}
	return nil
}

// object calls member for every member; member reads its value.
func (p headerParser) object(member func(key string) error) error {
	if err := p.expect('{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for p.dec.More() {
		tok, err := p.dec.Token()
		if err != nil {
			return err
		}
		key, ok := tok.(string)
		if !ok {
			return fmt.Errorf("a name is missing at byte %d", p.dec.InputOffset())
		}
		if seen[key] {
			return fmt.Errorf("%q appears twice", key)
		}
		seen[key] = true
		if err := member(key); err != nil {
			return err
		}
	}
	return p.expect('}')
}

func (p headerParser) metadata(into map[string]string) error {
	return p.object(func(key string) error {
		tok, err := p.dec.Token()
		if err != nil {
			return err
		}
		value, ok := tok.(string)
		if !ok {
			return fmt.Errorf("__metadata__ %q is %v, want a string", key, tok)
		}
		into[key] = value
		return nil
	})
}

func (p headerParser) tensor(name string) (Info, error) {
	info := Info{Name: name, begin: -1}
	hasShape := false
	err := p.object(func(key string) error {
		switch key {
		case "dtype":
			tok, err := p.dec.Token()
			if err != nil {
				return err
			}
			text, _ := tok.(string)
			info.DType = DType(text)
			if info.DType.Size() == 0 {
				return fmt.Errorf("dtype is %v, which the format lacks", tok)
			}
		case "shape":
			dims, err := p.integers()
			hasShape = true
			for _, d := range dims {
				if d > math.MaxInt {
					return fmt.Errorf("dimension %d overflows", d)
				}
				info.Shape = append(info.Shape, int(d))
			}
			return err
		case "data_offsets":
			offsets, err := p.integers()
			if err == nil && len(offsets) != 2 {
				err = fmt.Errorf("data_offsets has %d items, want 2", len(offsets))
			}
			if err == nil {
				info.begin, info.end = offsets[0], offsets[1]
			}
			return err
		default:
			return fmt.Errorf("unknown key %q", key)
		}
		return nil
	})
	if err == nil && (info.DType == "" || !hasShape || info.begin < 0) {
		err = errors.New("dtype, shape or data_offsets is missing")
	}
	if err == nil {
		err = info.checkRange()
	}
	if err != nil {
		return info, fmt.Errorf("tensor %q: %w", name, err)
	}
	return info, nil
}

// integers reads an array of integers in 0..2^63-1.
func (p headerParser) integers() ([]int64, error) {
	if err := p.expect('['); err != nil {
		return nil, err
	}
	var list []int64
	for p.dec.More() {
		tok, err := p.dec.Token()
		if err != nil {
			return nil, err
		}
		num, ok := tok.(json.Number)
		if !ok {
			return nil, fmt.Errorf("got %v at byte %d, want an integer", tok, p.dec.InputOffset())
		}
		n, err := strconv.ParseUint(string(num), 10, 63)
		if err != nil {
			return nil, fmt.Errorf("%s is not an integer in 0..2^63-1", num)
		}
		if len(list) == maxDims {
			return nil, fmt.Errorf("more than %d integers in an array", maxDims)
		}
		list = append(list, int64(n))
	}
	return list, p.expect(']')
}

// checkRange compares the byte range with the type and shape.
func (i Info) checkRange() error {
	size, err := byteSize(i.DType, i.Shape)
	if err != nil {
		return err
	}
	if i.end < i.begin || i.end-i.begin != size {
		return fmt.Errorf("data_offsets [%d, %d] do not hold the %d bytes of %s%v", i.begin, i.end, size, i.DType, i.Shape)
	}
	return nil
}

// byteSize returns the bytes of a tensor, or an error if they overflow int64.
func byteSize(d DType, shape []int) (int64, error) {
	size := d.Size()
	for _, n := range shape {
		if n < 0 {
			return 0, fmt.Errorf("shape %v has a negative dimension", shape)
		}
		if n != 0 && size > math.MaxInt64/int64(n) {
			return 0, fmt.Errorf("the size of %s%v overflows", d, shape)
		}
		size *= int64(n)
	}
	return size, nil
}
