package data

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"math"
)

// contentSamples is how many samples, spread evenly over a set, Contents reads.
const contentSamples = 32

// Contents identifies what is in the files of a source: SHA-256 over some of its samples and their
// labels, so that sets of the same shape and names differ. Of pictures the files' bytes count, so that
// another size or decoder does not; entries that cannot be read count as such. It is "" for 2-D sets,
// which their name, size and seed make.
func (s *Set) Contents() (string, error) {
	if s.Kind == "points" {
		return "", nil
	}
	h := sha256.New()
	if p := s.Pictures(); p != nil {
		p.writeContents(h)
		return hex.EncodeToString(h.Sum(nil)), nil
	}
	for _, ds := range []Dataset{s.Train, s.HeldOut} {
		if err := writeSamples(h, ds); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (p *Pictures) writeContents(h hash.Hash) {
	for k := range min(contentSamples, len(p.files)) {
		i := k * len(p.files) / min(contentSamples, len(p.files))
		text, err := p.store.Read(int(p.files[i]))
		if err != nil {
			text = nil
		}
		fmt.Fprintln(h, p.names[i], len(text), err == nil)
		h.Write(text)
	}
}

// writeSamples writes samples in steps of 1/32767, which rounding of another machine does not change.
func writeSamples(w io.Writer, ds Dataset) error {
	x := make([]float32, SampleSize(ds))
	quantized := make([]int64, len(x))
	n := min(contentSamples, ds.Len())
	for k := range n {
		label, err := ds.Sample(k*ds.Len()/n, x)
		if err != nil {
			return err
		}
		for i, v := range x {
			quantized[i] = int64(math.Round(float64(v) * math.MaxInt16))
		}
		if err := binary.Write(w, binary.LittleEndian, label); err != nil {
			return err
		}
		if err := binary.Write(w, binary.LittleEndian, quantized); err != nil {
			return err
		}
	}
	return nil
}
