package cuda

// Launch describes one execution of a kernel.
type Launch struct {
	Grid    Dim3 // blocks
	Block   Dim3 // threads
	Cluster Dim3 // blocks; zero means no clusters

	DynamicShared int // bytes per block

	// Args are the kernel's parameters in order; see PackArgs for the types.
	Args []any

	// Operands declares the memory that the kernel may touch. A GPU ignores
	// it. The emulator reports every access to global memory outside the
	// operands or against their modes. A nil list declares nothing and leaves
	// only the checks per allocation; an empty non-nil list allows no access.
	// Variables of the kernel's own module need no operand.
	Operands []Operand

	// Label tells apart the launches of one kernel in reports and counters,
	// for example the layer's name. Optional.
	Label string
}

// Mode says what a kernel does with an operand.
type Mode uint8

const (
	// Read operands are only read, and were written before.
	Read Mode = 1
	// Write operands are written completely by the launch; their old contents
	// do not matter. Reading bytes that the launch has written is allowed.
	Write Mode = 2
	// ReadWrite operands may be read and may be written in part.
	ReadWrite Mode = 3
)

// String returns "read", "write" or "read-write".
func (m Mode) String() string {
	switch m {
	case Read:
		return "read"
	case Write:
		return "write"
	case ReadWrite:
		return "read-write"
	}
	return "no mode"
}

// Operand is a range of device memory that a kernel uses: Rows rows of RowBytes
// bytes, the starts of two rows Pitch bytes apart. With Rows 0 or 1 it is one
// contiguous range of RowBytes bytes. The gaps between rows do not belong to it.
// Operands of one launch may overlap; an access is allowed if one of them allows it.
type Operand struct {
	Name     string
	Ptr      DevicePtr
	RowBytes int64
	Rows     int64
	Pitch    int64
	Mode     Mode

	// Life ties a temporary to its planned life; zero for other memory.
	Life Life
}

// Range is a contiguous operand of n bytes.
func Range(name string, p DevicePtr, n int64, m Mode) Operand {
	return Operand{Name: name, Ptr: p, RowBytes: n, Mode: m}
}

// Rows is an operand of rows rows of rowBytes bytes, pitch bytes apart.
func Rows(name string, p DevicePtr, rows, rowBytes, pitch int64, m Mode) Operand {
	return Operand{Name: name, Ptr: p, RowBytes: rowBytes, Rows: rows, Pitch: pitch, Mode: m}
}

// Extent is the number of bytes from the first byte of the operand to its last.
func (o Operand) Extent() int64 {
	if o.Rows <= 1 {
		return o.RowBytes
	}
	return (o.Rows-1)*o.Pitch + o.RowBytes
}

// Life says where in the life of a temporary a launch stands. Temporaries share
// one arena; the plan gives each a number, unique in its program. The emulator
// reports a launch that uses a temporary before the launch that begins its life
// or after the one that ends it, and a life that begins on bytes of another
// that has not ended. Where a life begins or ends, the contents become undefined.
type Life struct {
	Temporary uint32 // 0: not a temporary
	Begins    bool   // this launch is the first to use it
	Ends      bool   // this launch is the last to use it

	// Ptr and Bytes are the temporary's whole range where the operand is a
	// part of it. With Bytes 0 the operand is all of it.
	Ptr   DevicePtr
	Bytes int64
}
