package cli

import "strings"

// examples are shown by a command's --help, and run by a test in this order, in a folder with a run runs/garments of a network with
// classes, a folder of labelled pictures and arrays for predict.
var examples = map[string][]string{
	"train": {
		"unnoise train --preset swissroll --steps 100 --out runs/roll",
		"unnoise train --resume --steps 120 --out runs/roll",
		"unnoise train --preset swissroll --print",
		"unnoise train --config runs/roll/config.toml --set train.learning_rate=1e-4 --steps 50 --out runs/slow",
	},
	"presets": {
		"unnoise presets",
		"unnoise presets --json",
	},
	"sample": {
		"unnoise sample --model runs/roll -n 2000 --sampler ddim --steps 20 --out rolls.png --gif rolls.gif",
		"unnoise sample --model runs/roll -n 500 --seed 7 --out rolls.npy",
		"unnoise sample --model runs/garments --class 3,5 --guidance 2 -n 8 --out garments.png",
	},
	"predict": {
		"unnoise predict --model runs/garments --x x.npy --t t.npy --labels y.npy --out eps.npy",
		"unnoise predict --model runs/garments --x x.npy --t t.npy --labels y.npy --target eps.npy --grads grads.safetensors --out same.npy",
	},
	"inspect": {
		"unnoise inspect --preset cifar10",
		"unnoise inspect --model runs/roll --json",
		"unnoise inspect --model runs/garments --program train",
	},
	"schedule": {
		"unnoise schedule --preset cifar10",
		"unnoise schedule --kind cosine --timesteps 100 --format json",
	},
	"data": {
		"unnoise data info swissroll",
		"unnoise data info pictures --out contact.png",
	},
	"evaluate": {
		"unnoise evaluate --model runs/roll --draws 64 --samples 200",
		"unnoise evaluate --model runs/garments --guidance 1,2,4 --samples 20 --classifier-steps 20",
	},
	"report": {
		"unnoise report runs/roll",
		"unnoise report --no-animation --out garments.html runs/garments",
	},
	"convert": {
		"unnoise convert runs/garments garments",
		"unnoise convert --json runs/roll roll",
	},
	"check": {
		"unnoise check --op guidance",
	},
	"bench": {
		"unnoise bench step --preset fashion-mnist --batch 2 --steps 1 --warmup 1 --rounds 1",
	},
	"completion": {
		"unnoise completion bash",
	},
	"man": {
		"unnoise man",
	},
	"version": {
		"unnoise version",
	},
}

// exampleHeading stands before the examples in a description.
const exampleHeading = "\n\nExamples:\n"

// examplesOf is the end of a command's description.
func examplesOf(name string) string {
	if len(examples[name]) == 0 {
		return ""
	}
	return exampleHeading + "   " + strings.Join(examples[name], "\n   ")
}

// Examples lists the examples of all commands as --help shows them, in the order of the commands.
func Examples() []string {
	var list []string
	for _, c := range visible(newApp(nil, nil).Commands) {
		if _, text, ok := strings.Cut(c.Description, exampleHeading); ok {
			for _, line := range strings.Split(text, "\n") {
				list = append(list, strings.TrimSpace(line))
			}
		}
	}
	return list
}
