package exec

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/unnoise/unnoise/kernels"
)

// floatBytes and intBytes are a slice's memory; hosts and devices are both little-endian.
func floatBytes(x []float32) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*len(x)) }
func intBytes(x []int32) []byte     { return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*len(x)) }

// floatsOf is bytes of a host allocation as floats.
func floatsOf(x []byte) []float32 { return unsafe.Slice((*float32)(unsafe.Pointer(&x[0])), len(x)/4) }

// packBF16 rounds floats to bf16 bytes.
func packBF16(dst []byte, x []float32) []byte {
	for i, v := range x {
		binary.LittleEndian.PutUint16(dst[2*i:], uint16(math.Float32bits(kernels.RoundBF16(v))>>16))
	}
	return dst
}

func unpackBF16(dst []float32, x []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(x[2*i:])) << 16)
	}
}

// packRows lays contiguous N,H,W,C values out with a spec's pitch and type; pads are left as they are.
func packRows(dst []byte, s kernels.Spec, floats []float32, ints []int32) {
	size := s.DType.Size()
	for r := range s.Rows() {
		row := dst[r*s.Pitch*size : (r*s.Pitch+s.C)*size]
		switch {
		case s.DType == kernels.I32:
			copy(row, intBytes(ints[r*s.C:(r+1)*s.C]))
		case s.DType == kernels.BF16:
			packBF16(row, floats[r*s.C:(r+1)*s.C])
		default:
			copy(row, floatBytes(floats[r*s.C:(r+1)*s.C]))
		}
	}
}

// unpackRows is the reverse of packRows for floats; an I32 tensor gives its numbers as floats.
func unpackRows(dst []float32, s kernels.Spec, src []byte) {
	size := s.DType.Size()
	for r := range s.Rows() {
		row, out := src[r*s.Pitch*size:(r*s.Pitch+s.C)*size], dst[r*s.C:(r+1)*s.C]
		switch s.DType {
		case kernels.I32:
			for i := range out {
				out[i] = float32(int32(binary.LittleEndian.Uint32(row[4*i:])))
			}
		case kernels.BF16:
			unpackBF16(out, row)
		default:
			copy(floatBytes(out), row)
		}
	}
}
