package cli

import (
	"bytes"
	"strings"
	"testing"
)

// TestExamples holds every visible command to have examples, each of them of that command, and to show them.
func TestExamples(t *testing.T) {
	for _, c := range visible(newApp(nil, nil).Commands) {
		_, list, ok := strings.Cut(c.Description, exampleHeading)
		if !ok {
			t.Errorf("%s has no examples", c.Name)
			continue
		}
		for _, line := range strings.Split(list, "\n") {
			if !strings.HasPrefix(line, "   unnoise "+c.Name) {
				t.Errorf("%s: example %q", c.Name, line)
			}
		}
		var out bytes.Buffer
		if code := Main([]string{"unnoise", c.Name, "--help"}, &out, &out); code != exitOK || !strings.Contains(out.String(), "Examples:") {
			t.Errorf("unnoise %s --help: code %d, %s", c.Name, code, out.String())
		}
	}
}

// TestMan looks for every command, flag and example in the manual page.
func TestMan(t *testing.T) {
	var out bytes.Buffer
	if code := Main([]string{"unnoise", "man"}, &out, &out); code != exitOK {
		t.Fatal(out.String())
	}
	page := strings.NewReplacer(`\-`, "-", `\&`, "", `\fB`, "", `\fR`, "", `\fP`, "").Replace(out.String())
	if !strings.HasPrefix(page, ".nh\n.TH") && !strings.HasPrefix(page, ".TH") {
		t.Errorf("the page begins with %.60q", page)
	}
	for _, c := range visible(newApp(nil, nil).Commands) {
		if !strings.Contains(page, c.Name) {
			t.Errorf("the page lacks %s", c.Name)
		}
		for _, f := range c.Flags {
			if name := dashed(f.Names()[0]); !strings.Contains(page, name) {
				t.Errorf("the page lacks %s of %s", name, c.Name)
			}
		}
		for _, e := range examples[c.Name] {
			if !strings.Contains(page, e) {
				t.Errorf("the page lacks the example %s", e)
			}
		}
	}
	if n := strings.Count(page, "--log-format"); n > 12 {
		t.Errorf("--log-format is there %d times", n)
	}
}
