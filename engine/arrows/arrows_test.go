package arrows

import (
	"path"
	"strings"
	"testing"
)

// TestArrows holds the module to the rules.
func TestArrows(t *testing.T) {
	files, err := Scan("../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 100 {
		t.Fatalf("%d files were found", len(files))
	}
	for _, line := range Check(files, Rules) {
		t.Error(line)
	}
}

// TestForbiddenArrowsAreFound adds each forbidden arrow to the module's own import graph: directly, from a folder below, and where the
// rule looks further, through another package. The checker must name the rule.
func TestForbiddenArrowsAreFound(t *testing.T) {
	files, err := Scan("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Rules {
		from := path.Join(r.From, "new.go")
		if r.Files != "" {
			from = path.Join("kernels/conv", strings.Replace(r.Files, "*", "new", 1))
		}
		added := map[string][]File{
			"directly":      {{Path: from, Imports: []string{r.To}}},
			"below it":      {{Path: from, Imports: []string{r.To + "/below"}}},
			"through third": {{Path: from, Imports: []string{"third"}}, {Path: "third/third.go", Imports: []string{r.To}}},
		}
		if r.Files == "" {
			added["from below"] = []File{{Path: path.Join(r.From, "below/new.go"), Imports: []string{r.To}}}
		}
		for how, more := range added {
			expected := how != "through third" || !r.Direct && r.Files == ""
			found := false
			for _, line := range Check(append(more, files...), []Rule{r}) {
				found = found || strings.HasPrefix(line, r.String()+": ")
			}
			if found != expected {
				t.Errorf("%s %s: found is %v, expected %v", r, how, found, expected)
			}
		}
	}
}

// TestAllowed: neighbours whose names begin alike, and a folder's own packages, are no arrows.
func TestAllowed(t *testing.T) {
	files := []File{
		{Path: "engine/graph/a.go", Imports: []string{"engine/executive", "kernels"}},
		{Path: "engine/sampler/a.go", Imports: []string{"engine/samplers"}},
		{Path: "kernels/conv/a_cuda.go", Imports: []string{"cuda"}},
		{Path: "cli/a.go", Imports: []string{"kernels/check"}},
		{Path: "kernels/check/a.go", Imports: []string{"kernels/gpu"}},
		{Path: "engine/store/a.go", Imports: []string{"engine/store/tar"}},
	}
	if found := Check(files, Rules); len(found) > 0 {
		t.Errorf("found %q", found)
	}
}
