package checkpoint

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/x448/float16"
)

// DType is an element type as safetensors names it.
type DType string

// The element types that ReadFloat32 converts. Other types of the format are
// listed in a file but not read.
const (
	F32  DType = "F32"
	F16  DType = "F16"
	BF16 DType = "BF16"
	F64  DType = "F64"
	I64  DType = "I64"
	I32  DType = "I32"
	U8   DType = "U8"
)

// dtypeOrder lists the types of the safetensors format in the order of its
// reference implementation; files hold the tensors of later types first.
var dtypeOrder = []DType{"BOOL", U8, "I8", "F8_E5M2", "F8_E4M3", "I16", "U16", F16, BF16, I32, "U32", F32, F64, I64, "U64"}

// Size returns the bytes of one element, 0 for a type the format lacks.
func (d DType) Size() int64 {
	switch at := slices.Index(dtypeOrder, d); {
	case at < 0:
		return 0
	case at < 5:
		return 1
	case at < 9:
		return 2
	case at < 12:
		return 4
	}
	return 8
}

// toFloat32 converts little-endian elements of src into dst. It reports false
// for a type without a conversion.
func toFloat32(dst []float32, src []byte, d DType) bool {
	le := binary.LittleEndian
	switch d {
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(le.Uint32(src[4*i:]))
		}
	case F16:
		for i := range dst {
			dst[i] = float16.Frombits(le.Uint16(src[2*i:])).Float32()
		}
	case BF16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(le.Uint16(src[2*i:])) << 16)
		}
	case F64:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(le.Uint64(src[8*i:])))
		}
	case I64:
		for i := range dst {
			dst[i] = float32(int64(le.Uint64(src[8*i:])))
		}
	case I32:
		for i := range dst {
			dst[i] = float32(int32(le.Uint32(src[4*i:])))
		}
	case U8:
		for i := range dst {
			dst[i] = float32(src[i])
		}
	default:
		return false
	}
	return true
}
