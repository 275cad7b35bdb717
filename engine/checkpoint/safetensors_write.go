package checkpoint

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/unnoise/unnoise/engine/safefile"
)

// Tensor is a float32 tensor to be written: its values, or a function that
// produces them when their turn comes.
type Tensor struct {
	Name  string
	Shape []int // row-major; empty for a scalar
	Data  []float32
	Fill  func(dst []float32) error // used if Data is nil; dst has the tensor's elements
}

// FormatPT is the metadata that diffusers writes and asks for.
func FormatPT() map[string]string { return map[string]string{"format": "pt"} }

// Write writes a safetensors file with F32 tensors. It appears at path
// complete or not at all.
func Write(path string, metadata map[string]string, tensors []Tensor) error {
	return safefile.Write(path, func(w io.Writer) error { return Encode(w, metadata, tensors) })
}

// Encode writes safetensors data in the reference implementation's form: the
// metadata first, then the tensors by name, each name once, the header padded
// so that the data start at a multiple of 8 bytes. Metadata keys are sorted.
func Encode(w io.Writer, metadata map[string]string, tensors []Tensor) error {
	sorted := slices.SortedFunc(slices.Values(tensors), func(a, b Tensor) int { return strings.Compare(a.Name, b.Name) })
	head, err := encodeHeader(metadata, sorted)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<18)
	if err := binary.Write(out, binary.LittleEndian, uint64(len(head))); err != nil {
		return err
	}
	if _, err := out.Write(head); err != nil {
		return err
	}
	var scratch []float32
	for _, t := range sorted {
		if err := t.write(out, &scratch); err != nil {
			return err
		}
	}
	return out.Flush()
}

func encodeHeader(metadata map[string]string, sorted []Tensor) ([]byte, error) {
	var b bytes.Buffer
	separator := byte('{')
	if len(metadata) > 0 {
		b.WriteString(`{"__metadata__":`)
		inner := byte('{')
		for _, key := range slices.Sorted(maps.Keys(metadata)) {
			fmt.Fprintf(&b, "%c%s:%s", inner, quote(key), quote(metadata[key]))
			inner = ','
		}
		b.WriteByte('}')
		separator = ','
	}
	at := int64(0)
	for i, t := range sorted {
		size, err := byteSize(F32, t.Shape)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		if t.Name == "__metadata__" {
			return nil, fmt.Errorf("a tensor is named %q, which the format reserves", t.Name)
		}
		if i > 0 && t.Name == sorted[i-1].Name {
			return nil, fmt.Errorf("two tensors are named %q", t.Name)
		}
		dims := strings.Join(strings.Fields(fmt.Sprint(t.Shape)), ",")
		fmt.Fprintf(&b, `%c%s:{"dtype":"F32","shape":%s,"data_offsets":[%d,%d]}`, separator, quote(t.Name), dims, at, at+size)
		separator = ','
		at += size
	}
	if separator == '{' {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	if b.Len() > maxHeader {
		return nil, fmt.Errorf("the header would have %d bytes, the format allows %d", b.Len(), maxHeader)
	}
	return b.Bytes(), nil
}

// quote returns s as a JSON string without HTML escapes.
func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return `""` // a string always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// write appends the tensor's bytes. The scratch buffer is reused by tensors
// that are produced by Fill.
func (t Tensor) write(w *bufio.Writer, scratch *[]float32) error {
	size, err := byteSize(F32, t.Shape)
	if err != nil {
		return err
	}
	n := int(size / 4)
	data := t.Data
	if data == nil && t.Fill != nil {
		*scratch = slices.Grow((*scratch)[:0], n)[:n]
		data = *scratch
		if err := t.Fill(data); err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
	}
	if len(data) != n {
		return fmt.Errorf("tensor %q has %d values, want %d for shape %v", t.Name, len(data), n, t.Shape)
	}
	for len(data) > 0 {
		b := w.AvailableBuffer()
		if cap(b) < 4 {
			if err := w.Flush(); err != nil {
				return err
			}
			b = w.AvailableBuffer()
		}
		part := data[:min(len(data), cap(b)/4)]
		for _, v := range part {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		data = data[len(part):]
	}
	return nil
}
