package kernels

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
)

// Table names the variant that was measured to be the fastest for a call, by Key; the name is its reason, which stays when numbers
// change. `unnoise bench kernels --tune` writes one for a device; without an entry the first variant that supports the call is taken.
type Table map[string]string

var (
	table   atomic.Pointer[Table]
	without atomic.Pointer[regexp.Regexp]
)

// LeaveOut makes Choose pass over variants whose reason matches, to compare with what they replace; nil takes all again.
func LeaveOut(reason *regexp.Regexp) { without.Store(reason) }

// LeftOut reports whether a variant is passed over.
func LeftOut(v *Variant) bool {
	re := without.Load()
	return re != nil && v.Backend != "reference" && re.MatchString(v.Reason)
}

// SetTable makes Choose follow a table; nil goes back to the order of the variants.
func SetTable(t Table) {
	if t == nil {
		table.Store(nil)
		return
	}
	table.Store(&t)
}

var stream = regexp.MustCompile(` ?Stream:\d+`)

// Attributes is an operator's attributes as text, those left out that decide about values alone: the number of its random stream.
func Attributes(op Operator) string { return stream.ReplaceAllString(fmt.Sprintf("%+v", op), "") }

// Key identifies what a variant's speed depends on: operator with attributes, shapes and types, compute capability and number of
// multiprocessors.
func Key(c *Call, p Props) string {
	var b strings.Builder
	fmt.Fprintf(&b, "sm_%d%d/%d %s %s", p.Major, p.Minor, p.SMs, c.Op.Name(), Attributes(c.Op))
	for _, list := range [2][]*Operand{c.In, c.Out} {
		for _, o := range list {
			if o == nil {
				b.WriteString(" -")
				continue
			}
			fmt.Fprintf(&b, " %s", o.Spec)
		}
	}
	return b.String()
}

// ReadTable reads a table from a JSON file; there is none where the file does not exist.
func ReadTable(path string) (Table, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var t Table
	if err := json.Unmarshal(text, &t); err != nil {
		return nil, fmt.Errorf("%s is no table of kernel variants: %w; remove it or write it again with unnoise bench kernels --tune", path, err)
	}
	return t, nil
}

// tuned returns the variant that the table names for a call, if it supports it.
func tuned(f *Family, c *Call, p Props) *Variant {
	t := table.Load()
	if t == nil || p.Backend != "cuda" {
		return nil
	}
	reason, ok := (*t)[Key(c, p)]
	if !ok {
		return nil
	}
	for i := range f.Variants {
		if v := &f.Variants[i]; v.Backend == p.Backend && v.Reason == reason && !LeftOut(v) && v.Kernel.Supports(c, p) == nil {
			return v
		}
	}
	return nil
}
