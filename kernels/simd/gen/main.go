// Command gen writes the AVX2 and FMA assembly of package simd with avo.
package main

import (
	"fmt"
	"math"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	rowFunctions()
	reductions()
	columnSums("columnSumsAVX2", false)
	columnSums("columnDotsAVX2", true)
	adamW()
	matrixKernels()
	Generate()
}

// lanes is the number of float32 in a vector.
const lanes = 8

// constants are vectors of one value in read-only memory.
var constants = map[string]Mem{}

// bits returns a memory vector of eight copies of a 32-bit word.
func bits(name string, b uint32) Mem {
	if m, ok := constants[name]; ok {
		return m
	}
	m := GLOBL(name, RODATA|NOPTR)
	for i := range lanes {
		DATA(4*i, U32(b))
	}
	constants[name] = m
	return m
}

// number returns a memory vector of eight copies of a float32.
func number(name string, v float64) Mem { return bits(name, math.Float32bits(float32(v))) }

// held returns a constant in a register.
func held(m Mem) VecVirtual {
	r := YMM()
	VMOVUPS(m, r)
	return r
}

// tailMask returns the vector whose first n words (n in a register, 0..8) are all ones.
func tailMask(n Register) VecVirtual {
	m, ok := constants["tail"]
	if !ok {
		m = GLOBL("tail", RODATA|NOPTR)
		for i := range 2 * lanes {
			DATA(4*i, U32(map[bool]uint32{true: math.MaxUint32, false: 0}[i < lanes]))
		}
		constants["tail"] = m
	}
	address, mask := GP64(), YMM()
	LEAQ(m, address)
	rest := GP64()
	MOVQ(U32(lanes), rest)
	SUBQ(n, rest)
	VMOVUPS(Mem{Base: address, Index: rest, Scale: 4}, mask)
	return mask
}

// rowFunction is a function on rows: dst[r][i] = body(sources[r][i]).
type rowFunction struct {
	name    string
	doc     string
	sources string   // names, separated by spaces
	scalars []string // float32 parameters, broadcast before the loops
	inPlace bool     // dst is the first source too
	unroll  int
	body    func(in, scalars []VecVirtual) VecVirtual
}

// generate writes
//
//	func name(dst *float32, dstPitch int, a *float32, aPitch int, ..., rows, c int, alpha float32, ...)
//
// with pitches in bytes. The columns run in blocks of unroll vectors, then of one vector, then under a mask.
func (f rowFunction) generate() {
	names := append([]string{"dst"}, strings.Fields(f.sources)...)
	var params []string
	for _, n := range names {
		params = append(params, fmt.Sprintf("%s *float32, %sPitch int", n, n))
	}
	params = append(params, "rows int, c int")
	for _, s := range f.scalars {
		params = append(params, s+" float32")
	}
	TEXT(f.name, NOSPLIT, "func("+strings.Join(params, ", ")+")")
	Pragma("noescape")
	Doc(f.doc)
	var base []Register
	for _, n := range names {
		base = append(base, Load(Param(n), GP64()))
	}
	rows, c := Load(Param("rows"), GP64()), Load(Param("c"), GP64())
	var scalars []VecVirtual
	for _, s := range f.scalars {
		v := YMM()
		VBROADCASTSS(address(s), v)
		scalars = append(scalars, v)
	}
	rest := GP64()
	MOVQ(c, rest)
	ANDQ(U8(lanes-1), rest)
	mask := tailMask(rest)
	index, next := GP64(), GP64()

	Label("row")
	XORQ(index, index)
	for _, block := range blockSizes(f.unroll) {
		label := fmt.Sprintf("block%d", block)
		Label(label)
		LEAQ(Mem{Base: index, Disp: lanes * block}, next)
		CMPQ(next, c)
		JG(LabelRef(label + "end"))
		for k := range block {
			VMOVUPS(f.apply(base, index, k, nil, scalars), at(base[0], index, k))
		}
		MOVQ(next, index)
		JMP(LabelRef(label))
		Label(label + "end")
	}
	CMPQ(index, c)
	JE(LabelRef("rowend"))
	VMASKMOVPS(f.apply(base, index, 0, mask, scalars), mask, at(base[0], index, 0))
	Label("rowend")
	for i, n := range names {
		ADDQ(address(n+"Pitch"), base[i])
	}
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// blockSizes are the vectors of the loops over columns.
func blockSizes(unroll int) []int {
	if unroll == 1 {
		return []int{1}
	}
	return []int{unroll, 1}
}

// apply loads the sources of vector k and computes the body.
func (f rowFunction) apply(base []Register, index Register, k int, mask VecVirtual, scalars []VecVirtual) VecVirtual {
	from := base[1:]
	if f.inPlace {
		from = base
	}
	var in []VecVirtual
	for _, b := range from {
		v := YMM()
		if mask != nil {
			VMASKMOVPS(at(b, index, k), mask, v)
		} else {
			VMOVUPS(at(b, index, k), v)
		}
		in = append(in, v)
	}
	return f.body(in, scalars)
}

// at is vector k after element index of an array.
func at(base, index Register, k int) Mem {
	return Mem{Base: base, Index: index, Scale: 4, Disp: 4 * lanes * k}
}

// address is the memory of a parameter.
func address(name string) Mem {
	b, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}
