package kernels

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Selection is what an executor asks of Choose beside the properties of its device. The zero Selection takes the first variant that
// supports a call.
type Selection struct {
	Tuning  Table          // measured variants of CUDA calls; nil: none
	Exclude *regexp.Regexp // variants whose name or purpose matches are passed over, to compare with what they replace; nil: none
}

// Excluded reports whether a variant is passed over. The reference never is.
func (s Selection) Excluded(v *Variant) bool {
	return s.Exclude != nil && v.Backend != "reference" && (s.Exclude.MatchString(v.Name) || s.Exclude.MatchString(v.Doc))
}

// tuned returns the variant that the table names for a call, if it supports it.
func (s Selection) tuned(f *Family, c *Call, p Props) *Variant {
	if len(s.Tuning) == 0 || p.Backend != "cuda" {
		return nil
	}
	name, ok := s.Tuning[Key(c, p)]
	if !ok {
		return nil
	}
	for i := range f.Variants {
		if v := &f.Variants[i]; v.Backend == p.Backend && v.answersTo(name) && !s.Excluded(v) && v.Kernel.Supports(c, p) == nil {
			return v
		}
	}
	return nil
}

// answersTo reports whether a table means the variant: tables before v0.2.0 hold purposes instead of names.
func (v *Variant) answersTo(name string) bool { return v.Name == name || v.Doc == name }

// Table holds the name of the variant that was measured to be the fastest for a call, by Key. `unnoise bench kernels --tune` writes one
// for a device; without an entry the first variant that supports the call is taken.
type Table map[string]string

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

// ReadTable reads a table from a JSON file; there is none where the file does not exist. Tables of earlier versions are read, too.
func ReadTable(path string) (Table, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var read Table
	if err := json.Unmarshal(text, &read); err != nil {
		return nil, fmt.Errorf("%s is no table of kernel variants: %w; remove it or write it again with unnoise bench kernels --tune", path, err)
	}
	t := make(Table, len(read))
	for key, name := range read {
		t[strings.Replace(key, "{ ", "{", 1)] = name // versions before v0.2.0 left a space where they cut the first attribute
	}
	return t, nil
}

// Rename puts the names of variants in place of the purposes that tables before v0.2.0 hold, and returns how many it replaced.
func (t Table) Rename() int {
	n := 0
	for key, name := range t {
		words := strings.Fields(key)
		if len(words) < 2 || registry[words[1]] == nil {
			continue
		}
		for _, v := range registry[words[1]].Variants {
			if v.Backend == "cuda" && v.Doc == name && v.Name != name {
				t[key] = v.Name
				n++
			}
		}
	}
	return n
}
