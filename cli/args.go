package cli

import (
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"
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
		case command == nil:
			return usagef("no command is given: see unnoise --help")
		case findFlag(command, n) == nil:
			return unknownFlag(command, n)
		}
	}
	return nil
}

func unknownCommand(commands []*urfave.Command, name string) error {
	return usagef("unknown command %q%s; see unnoise --help", name, didYouMean(urfave.SuggestCommand(visible(commands), name)))
}

func unknownFlag(c *urfave.Command, name string) error {
	return usagef("%s has no flag %s%s; see unnoise %s --help", c.Name, dashed(name), didYouMean(urfave.SuggestFlag(c.Flags, name, false)), c.Name)
}

func visible(commands []*urfave.Command) []*urfave.Command {
	return slices.DeleteFunc(slices.Clone(commands), func(c *urfave.Command) bool { return c.Hidden })
}

func didYouMean(s string) string {
	if s == "" {
		return ""
	}
	return ": did you mean " + s + "?"
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
