package cli

import (
	"fmt"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/sampler"
)

// completeName is the hidden command that the shells' scripts call with the words so far, the one being typed last.
const completeName = "__complete"

var completionScripts = map[string]string{
	"bash": `# unnoise completion for bash: source <(unnoise completion bash)
_unnoise() {
    local cur="${COMP_WORDS[COMP_CWORD]}" words
    [[ "$cur" == "=" ]] && cur=""
    words="$("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)"
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
    return 0
}
complete -o bashdefault -o default -F _unnoise unnoise
`,
	"zsh": `#compdef unnoise
# unnoise completion for zsh: source <(unnoise completion zsh)
_unnoise() {
    local -a candidates
    candidates=(${(f)"$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)"})
    if (( $#candidates )); then compadd -- $candidates; else _files; fi
}
compdef _unnoise unnoise
`,
	"fish": `# unnoise completion for fish: unnoise completion fish | source
complete -c unnoise -a '(unnoise __complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`,
}

func completionCommand() *urfave.Command {
	return &urfave.Command{
		Name:      "completion",
		Usage:     "print a shell's completion script",
		ArgsUsage: "bash|zsh|fish",
		Description: "bash: source <(unnoise completion bash)\n" +
			"zsh:  source <(unnoise completion zsh)\n" +
			"fish: unnoise completion fish | source",
		Action: func(c *urfave.Context) error {
			if c.NArg() != 1 {
				return usagef("completion for which shell? Want bash, zsh or fish")
			}
			script, ok := completionScripts[c.Args().First()]
			if !ok {
				return usagef("completion for shell %q is not there: want bash, zsh or fish", c.Args().First())
			}
			_, err := fmt.Fprint(c.App.Writer, script)
			return err
		},
	}
}

func completeCommand() *urfave.Command {
	return &urfave.Command{
		Name:      completeName,
		Hidden:    true,
		ArgsUsage: "WORD...",
		Action: func(c *urfave.Context) error {
			for _, s := range complete(visible(c.App.Commands), c.Args().Slice()) {
				fmt.Fprintln(c.App.Writer, s)
			}
			return nil
		},
	}
}

// complete lists what the last word may become.
func complete(commands []*urfave.Command, words []string) []string {
	if len(words) == 0 {
		words = []string{""}
	}
	words, cut := joinAssignments(words)
	typed, before := words[len(words)-1], words[:len(words)-1]
	command := commandOf(commands, before)
	if flag, value, ok := strings.Cut(typed, "="); ok && strings.HasPrefix(typed, "-") {
		list := starting(value, flagValues(command, strings.TrimLeft(flag, "-")))
		if cut { // the shell completes the part behind the equals sign
			return list
		}
		for i, v := range list {
			list[i] = flag + "=" + v
		}
		return list
	}
	if n := len(before); n > 0 && strings.HasPrefix(before[n-1], "-") {
		if name := strings.TrimLeft(before[n-1], "-"); takesValue(commands, name) {
			return starting(typed, flagValues(command, name))
		}
	}
	var list []string
	switch {
	case command == nil && strings.HasPrefix(typed, "-"):
		for _, f := range globalFlags() {
			list = append(list, dashed(f.Names()[0]))
		}
	case command == nil:
		for _, c := range commands {
			list = append(list, c.Name)
		}
	case strings.HasPrefix(typed, "-"):
		for _, f := range command.Flags {
			list = append(list, dashed(f.Names()[0]))
		}
	default:
		list = operands(command, before)
	}
	return starting(typed, list)
}

// joinAssignments puts together what bash cuts at equals signs: "--flag", "=", "value". Other shells give one word. cut tells
// whether the last word was cut.
func joinAssignments(words []string) (out []string, cut bool) {
	for i := 0; i < len(words); i++ {
		if n := len(out); words[i] == "=" && n > 0 && strings.HasPrefix(out[n-1], "-") && !strings.Contains(out[n-1], "=") {
			out[n-1] += "="
			cut = i+2 >= len(words)
			if i+1 < len(words) {
				i++
				out[n-1] += words[i]
			}
			continue
		}
		out = append(out, words[i])
	}
	return out, cut
}

// commandOf returns the command that words name, nil where there is none yet. Values of flags name no command.
func commandOf(commands []*urfave.Command, words []string) *urfave.Command {
	for i := 0; i < len(words); i++ {
		if name, ok := strings.CutPrefix(words[i], "-"); ok {
			if takesValue(commands, strings.TrimLeft(name, "-")) {
				i++
			}
			continue
		}
		if at := slices.IndexFunc(commands, func(c *urfave.Command) bool { return c.HasName(words[i]) }); at >= 0 {
			return commands[at]
		}
	}
	return nil
}

// operands lists the words that a command takes before its flags' values: those of "bash|zsh|fish", the first of "info PATH". Names of
// files, in capitals, are left to the shell.
func operands(c *urfave.Command, before []string) []string {
	words := strings.Fields(c.ArgsUsage)
	if len(words) == 0 {
		return nil
	}
	list := strings.Split(words[0], "|")
	return slices.DeleteFunc(list, func(s string) bool { return s == strings.ToUpper(s) || slices.Contains(before, s) })
}

func starting(prefix string, list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return !strings.HasPrefix(s, prefix) })
}

// assignments lists the keys of --set with their equals signs.
func assignments() []string {
	var list []string
	for _, k := range recipe.Keys() {
		list = append(list, k+"=")
	}
	return list
}

// flagValues lists a flag's values; none where a file or a number is wanted.
func flagValues(c *urfave.Command, name string) []string {
	switch name {
	case "preset":
		return recipe.Presets()
	case "kind":
		return diffusion.Kinds()
	case "sampler":
		return sampler.Names()
	case "rule":
		return []string{string(sampler.Diffusers), string(sampler.Unnoise)}
	case "spacing":
		return []string{"leading", "trailing", "linspace", "quadratic"}
	case "weights":
		return []string{"ema", "raw"}
	case "program":
		return []string{"predict", "train"}
	case "device":
		return []string{"auto", "cpu", "cuda", "cuda:0", "emu", "emu:a100", "emu:h100", "emu:rtx4090"}
	case "dtype":
		return []string{"auto", "f32", "bf16"}
	case "class":
		return []string{"all", "none"}
	case "layout":
		return []string{"auto", "nhwc", "nchw"}
	case "set":
		return assignments()
	case "log-format":
		return []string{"text", "json"}
	case "format":
		if c != nil && c.Name == "schedule" {
			return []string{"csv", "json"}
		}
		return []string{"table", "json"}
	}
	return nil
}
