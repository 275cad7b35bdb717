package cuda

// TensorMap is the opaque descriptor of a bulk tensor copy (CUtensorMap), an
// argument passed by value.
type TensorMap [128]byte

// TensorMapSpec describes a tensor and the box that one bulk copy moves, as
// cuTensorMapEncodeTiled takes them: dimension 0 is the innermost.
type TensorMapSpec struct {
	Base        DevicePtr
	ElemBytes   int
	Dims        []int64 // elements
	Strides     []int64 // bytes, of dimensions 1 and up
	Box         []int   // elements
	ElemStrides []int
	SwizzleSpan int // bytes: 0, 32, 64 or 128
}
