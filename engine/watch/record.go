// Package watch writes the event files that TensorBoard reads: scalars, pictures and histograms of a run.
//
// An event file is a sequence of TFRecords, each one Event message of TensorFlow's event.proto and summary.proto. Both formats are
// small, so they are written here by hand: the framing in this file, the messages in message.go.
package watch

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/unnoise/unnoise/engine/safefile"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is the checksum of a TFRecord: CRC-32C, rotated by 15 bits and shifted by a constant, so that a checksum of data that hold
// checksums stays a good one.
func masked(data []byte) uint32 {
	c := crc32.Checksum(data, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// appendRecord frames data: length (8 bytes, little-endian), its checksum, data, their checksum.
func appendRecord(dst, data []byte) []byte {
	at := len(dst)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(data)))
	dst = binary.LittleEndian.AppendUint32(dst, masked(dst[at:at+8]))
	dst = append(dst, data...)
	return binary.LittleEndian.AppendUint32(dst, masked(data))
}

// maxRecord bounds the records that are read again: pictures of a few megabytes are the largest that are written.
const maxRecord = 1 << 28

var errDamaged = errors.New("damaged record")

// readRecord reads the next record; io.EOF at the end, errDamaged for one that is incomplete or fails its checksums.
func readRecord(r io.Reader) ([]byte, error) {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if err == io.EOF {
			return nil, io.EOF
		}
		return nil, errDamaged
	}
	n := binary.LittleEndian.Uint64(head[:])
	if binary.LittleEndian.Uint32(head[8:]) != masked(head[:8]) || n > maxRecord {
		return nil, errDamaged
	}
	data := make([]byte, n+4)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, errDamaged
	}
	if binary.LittleEndian.Uint32(data[n:]) != masked(data[:n]) {
		return nil, errDamaged
	}
	return data[:n], nil
}

// kept copies the records of an event file up to a step: those of later steps belong to work that is done again, and what follows a
// damaged record was cut off when the program ended. It returns the records and the last wall time among them.
func kept(path string, step int) (records []byte, wall float64, err error) {
	f, err := safefile.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	for r := bufio.NewReader(f); ; {
		data, err := readRecord(r)
		switch {
		case err == io.EOF || errors.Is(err, errDamaged):
			return records, wall, nil
		case err != nil:
			return nil, 0, fmt.Errorf("%s: %w", path, err)
		}
		e, err := readEvent(data)
		if err != nil {
			return records, wall, nil
		}
		if e.step <= int64(step) {
			records, wall = appendRecord(records, data), max(wall, e.wall)
		}
	}
}
