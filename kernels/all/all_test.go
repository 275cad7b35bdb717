package all

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"path/filepath"
	"reflect"
	"regexp"
	"testing"

	"github.com/unnoise/unnoise/kernels"
)

var variantName = regexp.MustCompile(`^[a-z0-9_]+$`)

// TestComplete holds every registered operator to what an operator must have: a reference, a CPU variant, variants of distinct names, cases of distinct names with
// shapes that it takes, a tolerance with its reason, a cost.
func TestComplete(t *testing.T) {
	for _, f := range kernels.Families() {
		backends, names, name := map[string]int{}, map[string]bool{}, f.Op.Name()
		for _, v := range f.Variants {
			backends[v.Backend]++
			if id := v.Backend + "/" + v.Name; names[id] || !variantName.MatchString(v.Name) {
				t.Errorf("%s: variant %s/%d has the name %q, expected one of its own of letters, digits and _", name, v.Backend, v.Number, v.Name)
			}
			names[v.Backend+"/"+v.Name] = true
			if v.Doc == "" || v.Number < 1 {
				t.Errorf("%s: variant %s/%d has no number or no doc", name, v.Backend, v.Number)
			}
		}
		if backends["reference"] != 1 || backends["cpu"] < 1 {
			t.Errorf("%s: variants %v, expected one reference and one or more for the CPU", name, backends)
		}
		if list := kernels.UntaggedAttributes(f.Op); len(list) > 0 {
			t.Errorf("%s: %v have no key tag, which tuning tables go by", name, list)
		}
		if f.Op.Tolerance(kernels.F32).Why == "" {
			t.Errorf("%s: the tolerance has no reason", name)
		}
		seen := map[string]bool{}
		for _, c := range f.Op.Cases() {
			if seen[c.Name] || c.Name == "" {
				t.Errorf("%s: case %q has no name of its own", name, c.Name)
			}
			seen[c.Name] = true
			var specs []*kernels.Spec
			for _, in := range c.In {
				specs = append(specs, in.Spec)
			}
			out, err := c.Op.Infer(specs)
			if err != nil {
				t.Errorf("%s, case %q: %v", name, c.Name, err)
				continue
			}
			if cost := c.Op.Cost(specs, out); !(cost.Bytes > 0) || cost.FLOPs < 2*cost.MACs || math.IsInf(cost.FLOPs, 0) {
				t.Errorf("%s, case %q: cost %+v", name, c.Name, cost)
			}
		}
		if len(seen) == 0 {
			t.Errorf("%s has no cases", name)
		}
	}
}

// TestEveryOperatorIsRun holds every package that registers operators to a test that runs all of them: there is no list to add an
// operator to.
func TestEveryOperatorIsRun(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range kernels.Families() {
		path := reflect.TypeOf(f.Op).PkgPath()
		if seen[path] {
			continue
		}
		seen[path] = true
		if dir := filepath.Join("..", filepath.Base(path)); !calls(t, dir, "kerneltest", "RunFamily") {
			t.Errorf("no test in %s calls kerneltest.RunFamily, so %s is not run", dir, f.Op.Name())
		}
	}
}

// calls reports whether a test file of a folder calls a package's function.
func calls(t *testing.T, dir, pkg, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, path := range files {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if c, ok := n.(*ast.CallExpr); ok {
				if s, ok := c.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == name {
					if x, ok := s.X.(*ast.Ident); ok && x.Name == pkg {
						found = true
					}
				}
			}
			return true
		})
	}
	return found
}
