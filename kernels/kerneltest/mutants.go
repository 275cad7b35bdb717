package kerneltest

import (
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// sort is what a mutant breaks.
type sort uint8

// The sorts of mutants.
const (
	index   sort = iota // an address is off by one access, or a scaled index is doubled
	term                // a sum becomes a difference, an operand changes its sign, a constant changes
	barrier             // bar.sync is gone
	sorts
)

func (s sort) String() string { return [...]string{"index", "term", "barrier"}[s] }

// mutant is one changed instruction of a kernel.
type mutant struct {
	kernel string
	sort   sort
	line   int    // of the PTX text, from 0
	text   string // what takes the line's place
	label  string // the instruction, what it became, the source line
}

// apply returns the PTX with the mutant's instruction in place.
func (m mutant) apply(lines []string) []byte {
	all := append([]string(nil), lines...)
	all[m.line] = m.text
	return []byte(strings.Join(all, "\n"))
}

var (
	entryPattern = regexp.MustCompile(`\.entry\s+([\w$]+)\s*\(`)
	filePattern  = regexp.MustCompile(`^\s*\.file\s+(\d+)\s+"([^"]*)"`)
	locPattern   = regexp.MustCompile(`^\s*\.loc\s+(\d+)\s+(\d+)`)
)

// mutants lists every mutant of the kernels in PTX text, in the order of the text.
func mutants(lines []string) []mutant {
	files := map[string]string{}
	for _, l := range lines {
		if m := filePattern.FindStringSubmatch(l); m != nil {
			files[m[1]] = filepath.Base(m[2])
		}
	}
	var list []mutant
	kernel, where := "", ""
	var known constants
	for i, l := range lines {
		if m := entryPattern.FindStringSubmatch(l); m != nil {
			kernel, known = m[1], constants{}
			continue
		}
		if strings.HasPrefix(l, "}") {
			kernel = ""
		}
		if m := locPattern.FindStringSubmatch(l); m != nil && m[2] != "0" {
			where = files[m[1]] + ":" + m[2]
		}
		if kernel == "" {
			continue
		}
		known.note(l)
		if estimate(lines[i:]) {
			continue
		}
		for _, c := range known.changes(strings.TrimSpace(l)) {
			was := strings.Join(strings.Fields(l), " ")
			list = append(list, mutant{kernel, c.sort, i, c.text, fmt.Sprintf("%s -> %s (%s)", was, strings.Join(strings.Fields(c.text), " "), where)})
		}
	}
	return list
}

type change struct {
	sort sort
	text string
}

var (
	guardPattern   = `^((?:@!?%p\d+\s+)?)`
	accessPattern  = regexp.MustCompile(guardPattern + `((?:ld|st)\.[\w.:]*|ldmatrix\.[\w.]*|cp\.async\.c[ag][\w.:]*)\s+(.*)$`)
	addressPattern = regexp.MustCompile(`\[([%$\w]+)(?:\+(-?\d+))?\]`)
	widePattern    = regexp.MustCompile(`^(mul\.wide\.[su](?:32|16)\s+%rd\d+, %\w+, )(-?\d+);$`)
	shiftPattern   = regexp.MustCompile(`^(shl\.b64\s+%rd\d+, %rd\d+, )(\d+);$`)
	sumPattern     = regexp.MustCompile(`^(add|sub)((?:\.rn)?(?:\.ftz)?\.f32\s+%f\d+, )(.*), ([^,]*);$`)
	productPattern = regexp.MustCompile(`^((?:mul|fma|div)[.\w]*\.f32)\s+(%f\d+), ([^,]+), ([^,]+)((?:, [^,]+)?);$`)
	extremePattern = regexp.MustCompile(`^(max|min)(\.(?:f32|s32)\s.*)$`)
	matrixPattern  = regexp.MustCompile(`^(mma\.sync\.[\w.]*)\s+(\{[^}]*\}), \{(%\w+)(.*)$`)
	floatOperation = regexp.MustCompile(`^(?:add|sub|mul|fma|div|mov)[.\w]*\.f32\s`)
	floatPattern   = regexp.MustCompile(`0f([0-9A-F]{8})`)
	movePattern    = regexp.MustCompile(`^\s*mov\.f32\s+(%f\d+), (0f[0-9A-F]{8});`)
	fmaPattern     = regexp.MustCompile(`^\s*fma\.rn\.f32\s+(%f\d+),`)
	widthPattern   = regexp.MustCompile(`\.[busf](8|16|32|64)\b`)
)

// changes lists what can be done to an instruction.
func (known constants) changes(s string) []change {
	if strings.HasPrefix(s, "bar.sync") || strings.HasPrefix(s, "barrier.sync") {
		return []change{{barrier, ""}}
	}
	if c, ok := changedAccess(s); ok {
		return []change{{index, c}}
	}
	if m := widePattern.FindStringSubmatch(s); m != nil {
		n, _ := strconv.Atoi(m[2])
		return []change{{index, fmt.Sprintf("%s%d;", m[1], 2*n)}}
	}
	if m := shiftPattern.FindStringSubmatch(s); m != nil {
		n, _ := strconv.Atoi(m[2])
		return []change{{index, fmt.Sprintf("%s%d;", m[1], n+1)}}
	}
	var list []change
	if m := sumPattern.FindStringSubmatch(s); m != nil && !known.negligible(m[3]) && !known.negligible(m[4]) {
		list = append(list, change{term, map[string]string{"add": "sub", "sub": "add"}[m[1]] + m[2] + m[3] + ", " + m[4] + ";"})
	}
	if m := productPattern.FindStringSubmatch(s); m != nil && !known.negligible(m[3]) && !known.negligible(m[4]) {
		a, b := "%negated", m[4]
		from := m[3]
		if !strings.HasPrefix(from, "%") {
			a, b, from = m[3], "%negated", m[4]
		}
		list = append(list, change{term, fmt.Sprintf("{ .reg .f32 %%negated; neg.f32 %%negated, %s; %s %s, %s, %s%s; }", from, m[1], m[2], a, b, m[5])})
	}
	if m := extremePattern.FindStringSubmatch(s); m != nil {
		list = append(list, change{term, map[string]string{"max": "min", "min": "max"}[m[1]] + m[2]})
	}
	if m := matrixPattern.FindStringSubmatch(s); m != nil {
		list = append(list, change{term, fmt.Sprintf("{ .reg .b32 %%negated; xor.b32 %%negated, %s, -2147450880; %s %s, {%%negated%s }", m[3], m[1], m[2], m[4])})
	}
	if c, ok := changedConstant(s); ok {
		list = append(list, change{term, c})
	}
	return list
}

// changedAccess moves an access to device or shared memory by its own width.
func changedAccess(s string) (string, bool) {
	m := accessPattern.FindStringSubmatch(s)
	if m == nil {
		return "", false
	}
	op, width := m[2], 16
	if strings.HasPrefix(op, "ld.") || strings.HasPrefix(op, "st.") {
		w := widthPattern.FindAllStringSubmatch(op, -1)
		if !strings.Contains(op, ".global") && !strings.Contains(op, ".shared") || w == nil {
			return "", false
		}
		bits, _ := strconv.Atoi(w[len(w)-1][1])
		width = bits / 8
		switch {
		case strings.Contains(op, ".v2."):
			width *= 2
		case strings.Contains(op, ".v4."):
			width *= 4
		}
	}
	all := addressPattern.FindAllStringSubmatchIndex(s, -1)
	if all == nil {
		return "", false
	}
	at := all[len(all)-1] // of cp.async the source
	offset := 0
	if at[4] >= 0 {
		offset, _ = strconv.Atoi(s[at[4]:at[5]])
	}
	return fmt.Sprintf("%s[%s+%d]%s", s[:at[0]], s[at[2]:at[3]], offset+width, s[at[1]:]), true
}

// constants are the registers of a kernel that hold a constant.
type constants map[string]float64

// note takes a line's constant into account.
func (known constants) note(line string) {
	if m := movePattern.FindStringSubmatch(line); m != nil {
		known[m[1]], _ = constant(m[2])
	}
}

// negligible reports whether an operand is a constant so small that the term it belongs to cannot be seen, such as the last
// part of a constant that is given in two.
func (known constants) negligible(operand string) bool {
	c, ok := known[operand]
	if !ok {
		c, ok = constant(operand)
	}
	return ok && math.Abs(c) < 1e-6
}

// estimate reports whether the first instruction of lines is the estimate of the exponent in the compiler's expf: a number that is
// clamped to [0, 1] at once. Any other will do: what it leaves of the argument is given to ex2.
func estimate(lines []string) bool {
	sum := fmaPattern.FindStringSubmatch(lines[0])
	for _, l := range lines[1:] {
		if sum == nil || !locPattern.MatchString(l) {
			return sum != nil && strings.Contains(l, "cvt.sat.f32.f32") && strings.Contains(l, sum[1]+";")
		}
	}
	return false
}

func constant(operand string) (float64, bool) {
	m := floatPattern.FindStringSubmatch(operand)
	if m == nil {
		return 0, false
	}
	bits, err := strconv.ParseUint(m[1], 16, 32)
	return float64(math.Float32frombits(uint32(bits))), err == nil
}

// changedConstant raises the first constant between 0.05 and 100 of a float32 operation by a quarter.
func changedConstant(s string) (string, bool) {
	if !floatOperation.MatchString(s) {
		return "", false
	}
	at := floatPattern.FindStringIndex(s)
	if at == nil {
		return "", false
	}
	c, ok := constant(s[at[0]:at[1]])
	if !ok || !(math.Abs(c) >= 0.05 && math.Abs(c) <= 100) {
		return "", false
	}
	return fmt.Sprintf("%s0f%08X%s", s[:at[0]], math.Float32bits(float32(1.25*c)), s[at[1]:]), true
}

// choose takes up to n mutants of a kernel: the sorts in turn, each spread over the instructions.
func choose(all []mutant, n int) []mutant {
	var bySort [sorts][]mutant
	for _, m := range all {
		bySort[m.sort] = append(bySort[m.sort], m)
	}
	var take [sorts]int
	for left := min(n, len(all)); left > 0; {
		for s := range bySort {
			if take[s] < len(bySort[s]) && left > 0 {
				take[s]++
				left--
			}
		}
	}
	var list []mutant
	for s, from := range bySort {
		for k := range take[s] {
			list = append(list, from[(2*k+1)*len(from)/(2*take[s])])
		}
	}
	return list
}
