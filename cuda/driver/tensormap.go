//go:build cuda && cgo

package driver

//#include "calls.h"
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/unnoise/unnoise/cuda"
)

var (
	tensorTypes = map[int]C.CUtensorMapDataType{1: C.CU_TENSOR_MAP_DATA_TYPE_UINT8, 2: C.CU_TENSOR_MAP_DATA_TYPE_UINT16,
		4: C.CU_TENSOR_MAP_DATA_TYPE_UINT32, 8: C.CU_TENSOR_MAP_DATA_TYPE_UINT64}
	swizzles = map[int]C.CUtensorMapSwizzle{0: C.CU_TENSOR_MAP_SWIZZLE_NONE, 32: C.CU_TENSOR_MAP_SWIZZLE_32B,
		64: C.CU_TENSOR_MAP_SWIZZLE_64B, 128: C.CU_TENSOR_MAP_SWIZZLE_128B}
)

// EncodeTensorMap builds the descriptor with the driver's encoder, as unsigned numbers of the element's size: a bulk copy moves
// bits, and elements outside the tensor read as zero.
func (d *device) EncodeTensorMap(s cuda.TensorMapSpec) (cuda.TensorMap, error) {
	const call = "EncodeTensorMap"
	var out cuda.TensorMap
	dims, typ, swizzle, err := tensorSpec(s)
	if err != nil {
		return out, err
	}
	err = d.do(call, func() error {
		if d.props.Major < 9 {
			return &cuda.Error{Code: cuda.NotSupported, Call: call, Detail: fmt.Sprintf("%s has compute capability %d.%d", d.props.Name, d.props.Major, d.props.Minor),
				Advice: "bulk tensor copies need 9.0 or newer"}
		}
		m := (*C.CUtensorMap)(C.aligned_alloc(64, C.sizeof_CUtensorMap))
		if m == nil {
			return &cuda.Error{Code: cuda.OutOfMemory, Call: call, Detail: "no host memory"}
		}
		defer C.free(unsafe.Pointer(m))
		r := C.cuTensorMapEncodeTiled(m, typ, C.cuuint32_t(dims.rank), deviceAddress(s.Base), &dims.size[0], &dims.strides[0], &dims.box[0], &dims.steps[0],
			C.CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle, C.CU_TENSOR_MAP_L2_PROMOTION_L2_128B, C.CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE)
		if err := check(call, r); err != nil {
			return withDetail(err, "%+v", s)
		}
		copy(out[:], unsafe.Slice((*byte)(unsafe.Pointer(m)), len(out)))
		return nil
	})
	return out, err
}

// tensorDims are the arrays that the driver reads.
type tensorDims struct {
	rank          int
	size, strides [5]C.cuuint64_t
	box, steps    [5]C.cuuint32_t
}

// tensorSpec checks a description as far as its arrays must fit each other; the driver knows the other rules.
func tensorSpec(s cuda.TensorMapSpec) (d tensorDims, typ C.CUtensorMapDataType, swizzle C.CUtensorMapSwizzle, err error) {
	bad := func(format string, args ...any) error {
		return &cuda.Error{Code: cuda.InvalidValue, Call: "EncodeTensorMap", Detail: fmt.Sprintf(format, args...)}
	}
	d.rank = len(s.Dims)
	if d.rank < 1 || d.rank > 5 || len(s.Strides) != d.rank-1 || len(s.Box) != d.rank || len(s.ElemStrides) != d.rank {
		return d, 0, 0, bad("%d dimensions (1 to 5) need one stride fewer, and as many box sizes and element strides; there are %d, %d, %d",
			d.rank, len(s.Strides), len(s.Box), len(s.ElemStrides))
	}
	typ, ok := tensorTypes[s.ElemBytes]
	if !ok {
		return d, 0, 0, bad("elements of %d bytes; 1, 2, 4 and 8 are possible", s.ElemBytes)
	}
	if swizzle, ok = swizzles[s.SwizzleSpan]; !ok {
		return d, 0, 0, bad("swizzle over %d bytes; 0, 32, 64 and 128 are possible", s.SwizzleSpan)
	}
	for i := range d.rank {
		if s.Dims[i] <= 0 || s.Box[i] <= 0 || s.ElemStrides[i] <= 0 || i > 0 && s.Strides[i-1] <= 0 {
			return d, 0, 0, bad("dimension %d: sizes and strides must be positive: %+v", i, s)
		}
		d.size[i], d.box[i], d.steps[i] = C.cuuint64_t(s.Dims[i]), C.cuuint32_t(s.Box[i]), C.cuuint32_t(s.ElemStrides[i])
		if i > 0 {
			d.strides[i-1] = C.cuuint64_t(s.Strides[i-1])
		}
	}
	return d, typ, swizzle, nil
}

// deviceAddress is a device pointer as C's void pointer; nothing on the host may follow it.
func deviceAddress(p cuda.DevicePtr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&p))
}
