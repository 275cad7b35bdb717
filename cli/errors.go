package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	urfave "github.com/urfave/cli/v2"
)

// usageError is a command line that cannot be meant: exit code 2.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errReported ends a command that has already said what failed.
var errReported = errors.New("failed")

// badFlags is what the parser of flags calls; its messages name flags with one dash.
func badFlags(c *urfave.Context, err error, _ bool) error {
	text := strings.ReplaceAll(strings.TrimSuffix(err.Error(), ": parse error"), " for flag -", " for flag --")
	text = strings.Replace(text, "flag needs an argument: -", "a value is missing after --", 1)
	text = strings.Replace(text, "----", "--", 1)
	if strings.HasPrefix(text, "invalid value") {
		text += ": want a number"
		if strings.HasSuffix(text, "--seed: want a number") {
			text += " of at least 0"
		}
	}
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok && c.Command != nil {
		return unknownFlag(c.Command, name)
	}
	return usagef("%s", text)
}

// report prints an error as one line and returns the exit code.
func report(err error, sig *signals, stderr io.Writer) int {
	var usage usageError
	var exit urfave.ExitCoder
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errReported):
		return exitFailed
	}
	fmt.Fprintf(stderr, "unnoise: %s\n", oneLine(err.Error()))
	switch {
	case errors.Is(err, context.Canceled) && sig.code() != 0:
		return sig.code()
	case errors.As(err, &usage), errors.As(err, &exit), strings.HasPrefix(err.Error(), "Required flag"):
		return exitUsage
	}
	return exitFailed
}

// oneLine joins the lines of a message and escapes what a terminal would obey, for names of files may hold anything.
func oneLine(s string) string { return printable(strings.Join(strings.Fields(s), " ")) }

// printable escapes control characters, and the marks that turn the direction of text, as Go writes them.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
