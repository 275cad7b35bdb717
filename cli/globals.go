package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"

	urfave "github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// mostThreads is more than any machine needs; above some thousands the runtime ends the program.
const mostThreads = 1024

// globalFlags are the flags that every command takes.
func globalFlags() []urfave.Flag {
	const category = "Every command:"
	return []urfave.Flag{
		&urfave.StringFlag{Category: category, Name: "device", Value: "auto", Usage: "`DEVICE` to compute on: auto, cpu, cuda[:INDEX] or emu[:PROFILE], the PTX emulator"},
		&urfave.StringFlag{Category: category, Name: "dtype", Value: "auto", Usage: "`TYPE` of activations: auto, f32 or bf16; auto is bf16 for train and sample on a GPU or the emulator"},
		&urfave.Uint64Flag{Category: category, Name: "seed", Usage: "`SEED` of every random draw", DefaultText: "the recipe's when training, else 0"},
		&urfave.IntFlag{Category: category, Name: "threads", Usage: "`N` CPU threads", DefaultText: "one a processor"},
		&urfave.StringFlag{Category: category, Name: "log-format", Value: "text", Usage: "`FORMAT` of progress and results: text or json (one object a line)"},
		&urfave.BoolFlag{Category: category, Name: "json", Usage: "print results as JSON: the same as --format json and --log-format json"},
		&urfave.BoolFlag{Category: category, Name: "quiet", Usage: "print errors and asked-for results only"},
	}
}

// globals are the values of globalFlags.
type globals struct {
	threads     int
	device      string // auto until deviceName is asked
	dtype       string
	json, quiet bool
	out, err    io.Writer
}

// readGlobals checks the flags that every command takes.
func readGlobals(c *urfave.Context) (*globals, error) {
	g := &globals{threads: c.Int("threads"), quiet: c.Bool("quiet"), device: c.String("device"), dtype: c.String("dtype"), out: c.App.Writer, err: c.App.ErrWriter}
	if c.IsSet("threads") && g.threads < 1 {
		return nil, usagef("--threads %d: want at least 1", g.threads)
	}
	if g.threads > mostThreads {
		return nil, usagef("--threads %d: want at most %d; this machine has %d processors", g.threads, mostThreads, runtime.NumCPU())
	}
	switch format := c.String("log-format"); format {
	case "text":
	case "json":
		g.json = true
	default:
		return nil, usagef("--log-format %q: want text or json", format)
	}
	g.json = g.json || c.Bool("json")
	if err := checkDevice(c.String("device")); err != nil {
		return nil, err
	}
	return g, checkDType(c.String("dtype"))
}

// tabular reports whether --format, or a flag of every command, asks for JSON instead of the command's own format.
func (g *globals) tabular(c *urfave.Context, own string) (json bool, err error) {
	switch f := c.String("format"); f {
	case own:
		return g.json, nil
	case "json":
		return true, nil
	default:
		return false, usagef("--format %q: expected %s or json", f, own)
	}
}

// say prints a result line: text, or with --log-format json the object.
func (g *globals) say(object any, format string, args ...any) error {
	if g.quiet {
		return nil
	}
	return g.answer(object, format, args...)
}

// answer is say for what the command was run to learn: --quiet does not silence it.
func (g *globals) answer(object any, format string, args ...any) error {
	if !g.json {
		_, err := fmt.Fprintln(g.out, printable(fmt.Sprintf(format, args...)))
		return err
	}
	return json.NewEncoder(g.out).Encode(object)
}

// terminal reports whether a progress bar can be shown on w.
func (g *globals) terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && !g.json && !g.quiet && term.IsTerminal(int(f.Fd()))
}
