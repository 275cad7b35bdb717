package cli

import (
	"fmt"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"
)

func manCommand() *urfave.Command {
	return &urfave.Command{
		Name:  "man",
		Usage: "print the manual page",
		Description: "A page for man in section 1, made from the same words as --help. To read it: unnoise man > unnoise.1; man ./unnoise.1. To\n" +
			"install it: unnoise man > ~/.local/share/man/man1/unnoise.1",
		Action: func(c *urfave.Context) error {
			page, err := manPage(newApp(c.App.Writer, c.App.ErrWriter))
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(c.App.Writer, page)
			return err
		},
	}
}

// manPage writes the manual of an application, which it changes: descriptions become the texts of commands, and flags that every
// command takes are listed once.
func manPage(app *urfave.App) (string, error) {
	app.UsageText = "unnoise COMMAND [flags]"
	app.Flags = globalFlags()
	global := map[string]bool{}
	for _, f := range app.Flags {
		global[f.Names()[0]] = true
	}
	for _, c := range app.Commands {
		synopsis := "unnoise " + c.Name
		if operands := strings.TrimSpace(c.ArgsUsage); operands != "" {
			synopsis += " " + operands
		}
		c.UsageText = synopsis + " [flags]\n"
		if c.Description != "" {
			c.UsageText += "\n" + c.Description + "\n"
		}
		c.Flags = slices.DeleteFunc(c.Flags, func(f urfave.Flag) bool { return global[f.Names()[0]] })
	}
	return app.ToManWithSection(1)
}
