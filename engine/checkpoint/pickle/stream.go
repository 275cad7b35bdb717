package pickle

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// maxPickle is the longest pickle that is read, in bytes. That of a network of 1,000 tensors has about 150 kB.
const maxPickle = 64 << 20

// maxLine is the longest line of the text opcodes.
const maxLine = 1 << 16

// errTruncated reports a file that ends inside a pickle.
var errTruncated = errors.New("the file ends inside the pickle (truncated?)")

// stream reads a part of a file and knows where it stands.
type stream struct {
	r    *bufio.Reader
	at   int64 // bytes from the start of the file
	left int64 // bytes to the end of the part
}

func newStream(r io.ReaderAt, at, size int64) *stream {
	return &stream{r: bufio.NewReaderSize(io.NewSectionReader(r, at, size), 1<<16), at: at, left: size}
}

// byte reads one byte.
func (s *stream) byte() (byte, error) {
	b, err := s.r.ReadByte()
	if errors.Is(err, io.EOF) {
		return 0, errTruncated
	}
	if err == nil {
		s.at++
		s.left--
	}
	return b, err
}

// bytes reads n bytes, which the part must still hold.
func (s *stream) bytes(n uint64) ([]byte, error) {
	if s.left < 0 || n > uint64(s.left) {
		return nil, fmt.Errorf("a value of %d bytes: %w", n, errTruncated)
	}
	if n > maxPickle {
		return nil, fmt.Errorf("a value of %d bytes: expected at most %d", n, maxPickle)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(s.r, b); err != nil {
		return nil, err
	}
	s.at += int64(n)
	s.left -= int64(n)
	return b, nil
}

// uint reads a little-endian number of width bytes, at most 8.
func (s *stream) uint(width int) (uint64, error) {
	n := uint64(0)
	for i := range width {
		b, err := s.byte()
		if err != nil {
			return 0, err
		}
		n |= uint64(b) << (8 * i)
	}
	return n, nil
}

// sized reads a length of width bytes and as many bytes.
func (s *stream) sized(width int) ([]byte, error) {
	n, err := s.uint(width)
	if err != nil {
		return nil, err
	}
	return s.bytes(n)
}

// line reads up to a line feed, which it drops.
func (s *stream) line() (string, error) {
	var line []byte
	for {
		b, err := s.byte()
		if err != nil {
			return "", err
		}
		if b == '\n' {
			return string(line), nil
		}
		if len(line) == maxLine {
			return "", fmt.Errorf("a line has more than %d bytes", maxLine)
		}
		line = append(line, b)
	}
}
