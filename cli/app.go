// Package cli is the command line of unnoise: one file a command. Commands read their flags, call
// the engine and print; every error becomes one line on standard error and an exit code.
package cli

import (
	"context"
	"fmt"
	"io"

	urfave "github.com/urfave/cli/v2"
)

// The exit codes. A run that a signal stopped ends with 128 + the signal's number. What Go's
// runtime ends, which cannot be caught, ends with SIGABRT, code 134.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	exitBug    = 3
)

// stoppable are the commands that end in good order when a signal comes.
var stoppable = map[string]bool{"train": true, "sample": true, "check": true, "evaluate": true, "report": true, "data": true}

// Main runs a command line, args[0] being the program's name, and returns the exit code.
func Main(args []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(stderr, "unnoise: internal error: %s; please report it with this command line at https://github.com/unnoise/unnoise/issues\n",
				oneLine(fmt.Sprint(r)))
			code = exitBug
		}
	}()
	sig := newSignals(context.Background(), stderr)
	defer sig.stop()
	stdout, stderr = unblocked(sig.ctx, stdout), unblocked(sig.ctx, stderr)
	sig.stderr = stderr
	app := newApp(stdout, stderr)
	args, err := arrange(app.Commands, args)
	if err == nil {
		if len(args) > 1 && stoppable[args[1]] {
			sig.listen(args[1] == "train")
		}
		err = app.RunContext(sig.ctx, args)
	}
	return report(err, sig, stderr)
}

func newApp(stdout, stderr io.Writer) *urfave.App {
	app := &urfave.App{
		Name:  "unnoise",
		Usage: "train and sample denoising diffusion models",
		Description: "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a bug (134 one that Go's runtime found);\n" +
			"129, 130, 138, 143 stopped by SIGHUP, SIGINT, SIGUSR1, SIGTERM (training saves a checkpoint first).\n" +
			"Flags may stand before or after the command.",
		UsageText:   "unnoise COMMAND [flags]      (unnoise COMMAND --help lists a command's flags)",
		Writer:      stdout,
		ErrWriter:   stderr,
		HideVersion: true,
		Commands: []*urfave.Command{trainCommand(), sampleCommand(), predictCommand(), inspectCommand(), scheduleCommand(), presetsCommand(),
			dataCommand(), evaluateCommand(), reportCommand(), convertCommand(),
			checkCommand(), benchCommand(), doctorCommand(), completionCommand(), manCommand(), versionCommand(), completeCommand()},
		Action:                    noCommand,
		OnUsageError:              badFlags,
		ExitErrHandler:            func(*urfave.Context, error) {},
		DisableSliceFlagSeparator: true,
	}
	for _, c := range app.Commands {
		c.HideHelpCommand = true
		c.Description += examplesOf(c.Name)
		c.OnUsageError = badFlags
		c.Flags = append(c.Flags, globalFlags()...)
		for _, f := range c.Flags {
			if b, ok := f.(*urfave.BoolFlag); ok {
				b.DisableDefaultText = true
			}
		}
		if c.ArgsUsage == "" {
			c.ArgsUsage = " "
			c.Action = withoutOperands(c.Action)
		}
	}
	return app
}

// noCommand is what runs when no command's name was given.
func noCommand(c *urfave.Context) error {
	if c.Args().Present() {
		return unknownCommand(c.App.Commands, c.Args().First())
	}
	return urfave.ShowAppHelp(c)
}

// withoutOperands refuses words after the flags.
func withoutOperands(run urfave.ActionFunc) urfave.ActionFunc {
	return func(c *urfave.Context) error {
		if c.Args().Present() {
			return usagef("%s takes flags only: what is %q for? See unnoise %s --help", c.Command.Name, c.Args().First(), c.Command.Name)
		}
		return run(c)
	}
}
