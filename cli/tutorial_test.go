package cli_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// tutorialPort is the port in the tutorial; the test takes one that is free.
const tutorialPort = "8642"

// TestTutorial runs every command of docs/tutorial.md in order, in a folder that holds pictures and the page's Go program.
func TestTutorial(t *testing.T) {
	if testing.Short() {
		t.Skip("trains, builds and serves: half a minute")
	}
	for _, tool := range []string{"sh", "go", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	text, err := os.ReadFile("../docs/tutorial.md")
	if err != nil {
		t.Fatal(err)
	}
	commands, small, program := tutorialParts(t, string(text))
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	fmt.Fprintf(&script, "set -e\nexport UNNOISE='%s'\n", root)
	steps := 0
	for _, c := range commands {
		c = strings.ReplaceAll(c, tutorialPort, freePort(t))
		if strings.HasPrefix(c, "unnoise train") {
			steps += 2
			if !strings.Contains(c, "--resume") {
				c += " " + small
			}
			c += fmt.Sprintf(" --set train.steps=%d", steps)
		}
		c = strings.Replace(c, "sampler/sampler ", "sampler/sampler -steps 3 -listen localhost:"+freePort(t)+" ", 1)
		fmt.Fprintf(&script, "echo '+ %s'\n%s\n", strings.ReplaceAll(c, "'", `'\''`), c)
	}
	archive := "mkpictures pictures 40\nexec sh tutorial.sh\nexists sheet.png samples.png samples.gif new/00003.png stripes.png served.png runs/pictures/report.html\n" +
		"ispng served.png\n-- tutorial.sh --\n" + script.String() + "-- sampler/main.go --\n" + program
	file := filepath.Join(t.TempDir(), "tutorial.txtar")
	write(t, file, []byte(archive))
	testscript.Run(t, testscript.Params{Files: []string{file}, Setup: func(e *testscript.Env) error {
		for _, name := range []string{"GOCACHE", "GOPATH", "GOMODCACHE", "GOPROXY", "HOME"} {
			value := os.Getenv(name)
			if out, err := exec.Command("go", "env", name).Output(); err == nil && name != "HOME" {
				value = strings.TrimSpace(string(out))
			}
			e.Setenv(name, value)
		}
		e.Setenv("GOSUMDB", "off")
		e.Setenv("GOFLAGS", "-buildvcs=false")
		e.Setenv("CGO_ENABLED", "0")
		sums, err := os.ReadFile(filepath.Join(root, "go.sum")) // instead of the checksum database, which a test may not reach
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(e.WorkDir, "sampler", "go.sum"), sums, 0o600)
	}})
}

// tutorialParts takes the commands, the options that make a run small and the Go program out of the page.
func tutorialParts(t *testing.T, text string) (commands []string, small, program string) {
	t.Helper()
	for _, block := range regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		switch block[1] {
		case "console":
			for line := range strings.Lines(block[2]) {
				c, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "$ ")
				if !ok {
					t.Fatalf("line %q of a console block is no command", line)
				}
				commands = append(commands, c)
			}
		case "text":
			small = strings.Join(strings.Fields(block[2]), " ")
		case "go":
			program += block[2]
		}
	}
	if len(commands) < 10 || small == "" || program == "" {
		t.Fatalf("the page has %d commands and a program of %d bytes", len(commands), len(program))
	}
	return commands, small, program
}

var portOnce string

// freePort is a port of this machine that nobody listens on, the same at each call.
func freePort(t *testing.T) string {
	t.Helper()
	if portOnce == "" {
		l, err := net.Listen("tcp", "localhost:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, portOnce, _ = net.SplitHostPort(l.Addr().String())
	}
	return portOnce
}
