package ptx

// Type is a fundamental or packed type (PTX ISA 5.2).
type Type uint8

// The types. NoType is the zero value.
const (
	NoType Type = iota
	Pred
	B8
	B16
	B32
	B64
	B128
	U8
	U16
	U32
	U64
	S8
	S16
	S32
	S64
	F16
	F16x2
	BF16
	BF16x2
	TF32
	F32
	F64
	E4M3
	E5M2
	E4M3x2
	E5M2x2
	B1
	U4
	S4
)

var typeInfo = [...]struct {
	name string
	bits int
}{
	NoType: {"", 0}, Pred: {"pred", 1}, B8: {"b8", 8}, B16: {"b16", 16}, B32: {"b32", 32}, B64: {"b64", 64}, B128: {"b128", 128},
	U8: {"u8", 8}, U16: {"u16", 16}, U32: {"u32", 32}, U64: {"u64", 64}, S8: {"s8", 8}, S16: {"s16", 16}, S32: {"s32", 32}, S64: {"s64", 64},
	F16: {"f16", 16}, F16x2: {"f16x2", 32}, BF16: {"bf16", 16}, BF16x2: {"bf16x2", 32}, TF32: {"tf32", 32}, F32: {"f32", 32}, F64: {"f64", 64},
	E4M3: {"e4m3", 8}, E5M2: {"e5m2", 8}, E4M3x2: {"e4m3x2", 16}, E5M2x2: {"e5m2x2", 16}, B1: {"b1", 1}, U4: {"u4", 4}, S4: {"s4", 4},
}

var typeByName = func() map[string]Type {
	m := map[string]Type{}
	for t, i := range typeInfo {
		if t > 0 {
			m[i.name] = Type(t)
		}
	}
	return m
}()

// String is the type's name without the dot.
func (t Type) String() string { return typeInfo[t].name }

// Bits is the size of a value; a predicate and b1 have 1.
func (t Type) Bits() int { return typeInfo[t].bits }

// Bytes is the size in memory, 0 for types that have none.
func (t Type) Bytes() int { return typeInfo[t].bits / 8 }

// Signed tells whether t is a signed integer.
func (t Type) Signed() bool { return t >= S8 && t <= S64 || t == S4 }

// Unsigned tells whether t is an unsigned integer.
func (t Type) Unsigned() bool { return t >= U8 && t <= U64 || t == U4 }

// Untyped tells whether t is a bit-size type.
func (t Type) Untyped() bool { return t >= B8 && t <= B128 || t == B1 }

// Float tells whether t is a floating-point type, packed ones included.
func (t Type) Float() bool { return t >= F16 && t <= E5M2x2 }
