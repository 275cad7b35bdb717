package cli

import (
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/engine/suggest"
)

// arrange puts the command first, then the flags, then other words, wherever they stood, and refuses unknown commands and flags.
func arrange(commands []*urfave.Command, args []string) ([]string, error) {
	var flags, names, words []string
	for i := 1; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			words = append(words, args[i+1:]...)
			break
		}
		if len(a) < 2 || a[0] != '-' {
			words = append(words, a)
			if len(words) == 1 && a == completeName {
				return append([]string{args[0], completeName, "--"}, args[i+1:]...), nil
			}
			continue
		}
		name, _, assigned := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if name == resumeName && !assigned && i+1 < len(args) && args[i+1] == resumeAuto {
			i++
			a += "=" + resumeAuto
		}
		flags, names = append(flags, a), append(names, name)
		if !assigned && takesValue(commands, name) && i+1 < len(args) {
			i++
			flags = append(flags, args[i])
		}
	}
	if len(words) == 0 && slices.Contains(names, "version") {
		return []string{args[0], "version"}, nil
	}
	if err := checkNames(commands, words, names); err != nil {
		return nil, err
	}
	if len(words) == 0 {
		return append([]string{args[0]}, flags...), nil
	}
	if slices.Contains(names, "help") || slices.Contains(names, "h") {
		words = words[:1] // of bench kernels --help, bench has the help
	}
	out := append([]string{args[0], words[0]}, flags...)
	return append(out, words[1:]...), nil
}

// takesValue reports whether a flag of that name is followed by a value; a name means the same in every command.
func takesValue(commands []*urfave.Command, name string) bool {
	for _, c := range commands {
		if f := findFlag(c, name); f != nil {
			doc, ok := f.(urfave.DocGenerationFlag)
			return ok && doc.TakesValue()
		}
	}
	return false
}

// findFlag returns a command's flag, nil if it has none of that name.
func findFlag(c *urfave.Command, name string) urfave.Flag {
	for _, f := range c.Flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

// checkNames refuses a command that does not exist, a flag that the command does not have, and flags without a command.
func checkNames(commands []*urfave.Command, words, names []string) error {
	var command *urfave.Command
	if len(words) > 0 {
		if words[0] == "help" || words[0] == "h" {
			return nil
		}
		for _, c := range commands {
			if c.HasName(words[0]) {
				command = c
			}
		}
		if command == nil {
			return unknownCommand(commands, words[0])
		}
	}
	for _, n := range names {
		switch {
		case n == "help" || n == "h":
			return nil
		case command == nil && !anyFlag(commands, n):
			return usagef("unknown flag %s; see unnoise --help", dashed(n))
		case command == nil:
			return usagef("no command is given: see unnoise --help")
		case findFlag(command, n) == nil:
			return unknownFlag(command, n)
		}
	}
	return nil
}

func anyFlag(commands []*urfave.Command, name string) bool {
	return slices.ContainsFunc(commands, func(c *urfave.Command) bool { return findFlag(c, name) != nil })
}

func unknownCommand(commands []*urfave.Command, name string) error {
	var known []string
	for _, c := range visible(commands) {
		known = append(known, c.Name)
	}
	return usagef("unknown command %q%s; see unnoise --help", name, didYouMean(name, known, ""))
}

func unknownFlag(c *urfave.Command, name string) error {
	var known []string
	for _, f := range c.Flags {
		known = append(known, f.Names()[0])
	}
	return usagef("%s has no flag %s%s; see unnoise %s --help", c.Name, dashed(name), didYouMean(name, known, "--"), c.Name)
}

func visible(commands []*urfave.Command) []*urfave.Command {
	return slices.DeleteFunc(slices.Clone(commands), func(c *urfave.Command) bool { return c.Hidden })
}

// didYouMean suggests the known name that is nearest to a mistyped one, nothing where none is near.
func didYouMean(name string, known []string, prefix string) string {
	if near := suggest.Nearest(name, known); near != "" {
		return ": did you mean " + prefix + near + "?"
	}
	return ""
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
