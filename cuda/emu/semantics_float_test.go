package emu_test

import (
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// opMode reads the rounding mode of an opcode; rn is the default.
func opMode(op string) string {
	for _, m := range []string{"rn", "rz", "rm", "rp", "rna"} {
		if slices.Contains(strings.Split(op, "."), m) {
			return m
		}
	}
	return "rn"
}

func has(op, modifier string) bool { return slices.Contains(strings.Split(op, "."), modifier) }

// finish applies .ftz, .sat and .relu to a result and says how NaN compares. Results of half precision have one NaN.
func finish(f format, op string, b uint64, half bool) result {
	if f.isNaN(b) {
		switch {
		case has(op, "sat"):
			return exact(0)
		case half:
			return exact(0x7fff)
		}
		return result{nan: true}
	}
	before := b
	if has(op, "ftz") {
		b = f.flush(b)
	}
	switch v := f.value(b); {
	case has(op, "sat") && !(v > 0):
		b = 0
	case has(op, "sat") && v > 1:
		b = f.oneBits()
	case has(op, "relu") && v < 0, has(op, "relu") && b == f.sign():
		b = 0
	}
	if has(op, "ftz") && before&^f.sign() == 1<<f.fraction()<<f.shift() {
		// Rounded up to the smallest normal number: whether that counts as subnormal is not documented.
		return result{either: []uint64{b, b & f.sign()}, bits: b}
	}
	return exact(b)
}

// compute applies an arithmetic opcode to one set of operands.
func compute(f format, op string, in []uint64) uint64 {
	if has(op, "ftz") {
		in = slices.Clone(in)
		for i := range in {
			in[i] = f.flush(in[i])
		}
	}
	mode := opMode(op)
	switch part(op, 0) {
	case "add":
		return f.add(in[0], in[1], mode)
	case "sub":
		return f.add(in[0], in[1]^f.sign(), mode)
	case "mul":
		return f.mul(in[0], in[1], mode)
	case "fma", "mad":
		return f.fma(in[0], in[1], in[2], mode)
	case "div":
		return f.div(in[0], in[1], mode)
	case "rcp":
		return f.div(f.oneBits(), in[0], mode)
	case "sqrt":
		return f.sqrt(in[0], mode)
	case "abs":
		return in[0] &^ f.sign()
	case "neg":
		return in[0] ^ f.sign()
	}
	return f.extreme(op, in[0], in[1])
}

// extreme is min and max (PTX ISA 9.7.3.11): numbers win over NaN unless .NaN, and -0 is less than +0.
func (f format) extreme(op string, a, b uint64) uint64 {
	switch {
	case f.isNaN(a) && f.isNaN(b), has(op, "NaN") && (f.isNaN(a) || f.isNaN(b)):
		return f.inf() | 1
	case f.isNaN(a):
		return b
	case f.isNaN(b):
		return a
	}
	less := f.value(a) < f.value(b) || f.value(a) == f.value(b) && a&f.sign() != 0
	if less == (part(op, 0) == "min") {
		return a
	}
	return b
}

// modelFloat is arithmetic of one number; the format is the opcode's last type.
func modelFloat(op string, in []uint64) result {
	f := formats[lastType(op)]
	return finish(f, op, compute(f, op, in), f.width() == 16)
}

// modelHalf is the same for half precision, packed or not.
func modelHalf(op string, in []uint64) result {
	typ := lastType(op)
	f := formats[strings.TrimSuffix(typ, "x2")]
	one := func(in []uint64) result {
		name := part(op, 0)
		if name == "neg" || name == "abs" {
			b := compute(f, op, in)
			if f.isNaN(b) {
				return result{nan: true}
			}
			return exact(b)
		}
		return finish(f, op, compute(f, op, in), true)
	}
	if typ == strings.TrimSuffix(typ, "x2") {
		return one(in)
	}
	return both(in, one)
}

// both applies a model to the two halves of packed operands.
func both(in []uint64, one func(in []uint64) result) result {
	lo, hi := slices.Clone(in), slices.Clone(in)
	for i := range in {
		lo[i] &= 0xffff
		hi[i] >>= 16
	}
	a, b := one(lo), one(hi)
	r := result{bits: a.bits | b.bits<<16, mask: 0xffffffff}
	if a.nan {
		r.mask &^= 0xffff
	}
	if b.nan {
		r.mask &^= 0xffff0000
	}
	r.any = r.mask == 0
	for _, x := range append(a.either, a.bits) {
		for _, y := range append(b.either, b.bits) {
			r.either = append(r.either, x|y<<16)
		}
	}
	return r
}

// approximation is the documented error of an instruction against the exact value (PTX ISA 9.7.3).
type approximation struct {
	value    func(x, y float64) float64
	abs, rel float64
}

var approximations = map[string]approximation{
	"rcp":   {func(x, _ float64) float64 { return 1 / x }, 0, 0x1p-23},
	"sqrt":  {func(x, _ float64) float64 { return math.Sqrt(x) }, 0, 0x1p-23},
	"rsqrt": {func(x, _ float64) float64 { return 1 / math.Sqrt(x) }, 0, 0x1p-22},
	"sin":   {func(x, _ float64) float64 { return math.Sin(x) }, 0x1p-20, 0},
	"cos":   {func(x, _ float64) float64 { return math.Cos(x) }, 0x1p-20, 0},
	"lg2":   {func(x, _ float64) float64 { return math.Log2(x) }, 0x1p-22, 0x1p-22},
	"ex2":   {func(x, _ float64) float64 { return math.Exp2(x) }, 0, 0x1p-22},
	"tanh":  {func(x, _ float64) float64 { return math.Tanh(x) }, 0, 0x1p-10},
	"div":   {func(x, y float64) float64 { return x / y }, 0, 0x1p-22},
}

// modelApprox bounds the error of an approximation in single precision.
func modelApprox(op string, in []uint64) result {
	f := formats["f32"]
	name := part(op, 0)
	flushIn := has(op, "ftz")
	x, y := in[0], uint64(0)
	if len(in) > 1 {
		y = in[1]
	}
	if flushIn {
		x, y = f.flush(x), f.flush(y)
	}
	a := approximations[name]
	v := a.value(f.value(x), f.value(y))
	if (name == "sin" || name == "cos") && math.Abs(f.value(x)) > math.Pi {
		return result{any: true} // the error is documented for [-pi, pi] only
	}
	if name == "div" && math.Abs(f.value(y)) >= 0x1p126 {
		return result{any: true} // a huge divisor gives 0 with .approx
	}
	return approximate(f, v, flushIn, a)
}

// approximate allows what rounding to the format and flushing add to the error.
func approximate(f format, v float64, ftz bool, a approximation) result {
	r := result{approx: true, value: v, abs: a.abs, rel: a.rel}
	tiny := math.Ldexp(1, f.emin)
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
	case math.Abs(v) >= math.Ldexp(1, f.emax+1)*(1-math.Ldexp(1, -f.prec)):
		r.value = math.Copysign(math.Inf(1), v)
	case math.Abs(v) <= tiny && ftz:
		r.abs += tiny
	default:
		r.abs += math.Ldexp(1, f.emin-int(f.fraction()))
	}
	return r
}

// modelHalfApprox covers tanh and ex2 in half precision (PTX ISA 9.7.4.9 and 10).
func modelHalfApprox(op string, in []uint64) result {
	typ := lastType(op)
	f := formats[strings.TrimSuffix(typ, "x2")]
	rel := 0x1p-9
	if f.prec == 8 {
		rel = 0x1p-7
	}
	a := approximation{approximations[part(op, 0)].value, 0, rel}
	one := func(in []uint64) result {
		x := in[0]
		if has(op, "ftz") {
			x = f.flush(x)
		}
		return approximate(f, a.value(f.value(x), 0), has(op, "ftz"), a)
	}
	if !strings.HasSuffix(typ, "x2") {
		return one(in)
	}
	lo, hi := one([]uint64{in[0] & 0xffff}), one([]uint64{in[0] >> 16})
	return result{check: func(got uint64) string {
		if why := lo.differs(got&0xffff, strings.TrimSuffix(typ, "x2")); why != "" {
			return "lower half: " + why
		}
		return hi.differs(got>>16, strings.TrimSuffix(typ, "x2"))
	}}
}

// modelApprox64 covers rcp and rsqrt.approx.ftz.f64: the lower half of the operand is ignored and the lower half of the result
// is zero (PTX ISA 9.7.3.14 and 17).
func modelApprox64(op string, in []uint64) result {
	f := formats["f64"]
	x := in[0]
	if has(op, "ftz") {
		x = f.flush(x &^ 0xffffffff)
	}
	a := approximations[part(op, 0)]
	a.rel = 0x1p-18
	r := approximate(f, a.value(f.value(x), 0), has(op, "ftz"), a)
	return result{check: func(got uint64) string {
		if has(op, "ftz") && got&0xffffffff != 0 && !f.isNaN(got) {
			return "the lower 32 bits are not zero"
		}
		return r.differs(got, "f64")
	}}
}

// modelTest is testp (PTX ISA 9.7.3.1), modelCopysign copysign (9.7.3.2).
func modelTest(op string, in []uint64) result {
	f := formats[lastType(op)]
	b := in[0]
	finite := !f.isNaN(b) && !f.isInf(b)
	yes := map[string]bool{"finite": finite, "infinite": f.isInf(b), "number": !f.isNaN(b), "notanumber": f.isNaN(b),
		"normal": finite && !f.isZero(b) && !f.isSubnormal(b), "subnormal": f.isSubnormal(b)}[part(op, 1)]
	if yes {
		return exact(1)
	}
	return exact(0)
}

func modelCopysign(op string, in []uint64) result {
	f := formats[lastType(op)]
	return exact(in[0]&f.sign() | in[1]&^f.sign())
}

func TestFloatSemantics(t *testing.T) { runSemantics(t, floatTable()) }

func floatTable() []semantic {
	one, two, three := []string{"T"}, []string{"T", "T"}, []string{"T", "T", "T"}
	return []semantic{
		{patterns: []string{"{add|sub|mul}{.rn|.rz|.rm|.rp|}{.ftz|}{.sat|}.f32", "div{.rn|.rz|.rm|.rp}{.ftz|}.f32", "{min|max}{.ftz|}{.NaN|}.f32",
			"{add|sub|mul}{.rn|.rz|.rm|.rp|}.f64", "div{.rn|.rz|.rm|.rp}.f64", "{min|max}.f64"}, src: two, model: modelFloat},
		{patterns: []string{"{fma|mad}{.rn|.rz|.rm|.rp}{.ftz|}{.sat|}.f32", "{fma|mad}{.rn|.rz|.rm|.rp}.f64"}, src: three, model: modelFloat},
		{patterns: []string{"{abs|neg}{.ftz|}.f32", "{rcp|sqrt}{.rn|.rz|.rm|.rp}{.ftz|}.f32", "{abs|neg}.f64", "{rcp|sqrt}{.rn|.rz|.rm|.rp}.f64"}, src: one, model: modelFloat},
		{patterns: []string{"{rcp|sqrt|rsqrt|sin|cos|lg2|ex2}.approx{.ftz|}.f32", "tanh.approx.f32"}, src: one, model: modelApprox},
		{patterns: []string{"div{.approx|.full}{.ftz|}.f32"}, src: two, model: modelApprox},
		{patterns: []string{"{rcp|rsqrt}.approx.ftz.f64", "rsqrt.approx.f64"}, src: one, model: modelApprox64},
		{patterns: []string{"testp.{finite|infinite|number|notanumber|normal|subnormal}.{f32|f64}"}, dst: "pred", src: one, model: modelTest},
		{patterns: []string{"copysign.{f32|f64}"}, src: two, model: modelCopysign},
	}
}

func TestHalfSemantics(t *testing.T) { runSemantics(t, halfTable()) }

func halfTable() []semantic {
	one, two, three := []string{"T"}, []string{"T", "T"}, []string{"T", "T", "T"}
	return []semantic{
		{patterns: []string{"{add|sub|mul}{.rn|}{.ftz|}{.sat|}.{f16|f16x2}", "{add|sub|mul}{.rn|}.{bf16|bf16x2}",
			"{min|max}{.ftz|}{.NaN|}.{f16|f16x2}", "{min|max}{.NaN|}.{bf16|bf16x2}"}, src: two, model: modelHalf},
		{patterns: []string{"fma.rn{.ftz|}{.sat|}.{f16|f16x2}", "fma.rn{.ftz|}.relu.{f16|f16x2}", "fma.rn{.relu|}.{bf16|bf16x2}"}, src: three, model: modelHalf},
		{patterns: []string{"{neg|abs}{.ftz|}.{f16|f16x2}", "{neg|abs}.{bf16|bf16x2}"}, src: one, model: modelHalf},
		{patterns: []string{"{tanh|ex2}.approx.{f16|f16x2}", "tanh.approx.{bf16|bf16x2}", "ex2.approx.ftz.{bf16|bf16x2}"}, src: one, model: modelHalfApprox},
	}
}

// TestSoftFloat compares the models' own arithmetic with the host's where that is correctly rounded.
func TestSoftFloat(t *testing.T) {
	r := random(9)
	f32, f64 := formats["f32"], formats["f64"]
	for range 3000 {
		a, b := randomOf(r, "f32"), randomOf(r, "f32")
		x, y := math.Float32frombits(uint32(a)), math.Float32frombits(uint32(b))
		for name, pair := range map[string][2]uint64{
			"add": {f32.add(a, b, "rn"), uint64(math.Float32bits(x + y))}, "mul": {f32.mul(a, b, "rn"), uint64(math.Float32bits(x * y))},
			"div": {f32.div(a, b, "rn"), uint64(math.Float32bits(x / y))}, "sqrt": {f32.sqrt(a, "rn"), uint64(math.Float32bits(float32(math.Sqrt(float64(x)))))}} {
			if pair[0] != pair[1] && !(f32.isNaN(pair[0]) && f32.isNaN(pair[1])) {
				t.Fatalf("%s of %g and %g: model %#x, host %#x", name, x, y, pair[0], pair[1])
			}
		}
		c, d, e := randomOf(r, "f64"), randomOf(r, "f64"), randomOf(r, "f64")
		got := f64.fma(c, d, e, "rn")
		want := math.Float64bits(math.FMA(math.Float64frombits(c), math.Float64frombits(d), math.Float64frombits(e)))
		if got != want && !(f64.isNaN(got) && f64.isNaN(want)) {
			t.Fatalf("fma of %#x, %#x, %#x: model %#x, host %#x", c, d, e, got, want)
		}
		if f64.isNaN(c) || f64.isInf(c) {
			continue
		}
		if v := f64.bits(new(big.Float).SetFloat64(math.Abs(math.Float64frombits(c))), "rn"); v != c&^f64.sign() {
			t.Fatalf("%#x comes back as %#x", c, v)
		}
	}
}
