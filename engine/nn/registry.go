package nn

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/unnoise/unnoise/engine/checkpoint/pyjson"
)

// Config is a network's configuration: the contents of a diffusers config.json.
type Config interface {
	// ClassName is the "_class_name" that selects the network.
	ClassName() string
	// Validate reports the first key whose value, alone or with others, is not
	// supported.
	Validate() error
	// JSON returns the text of config.json: keys sorted, two spaces of
	// indentation, numbers as Python prints them. Keys that a parsed file had
	// keep their literals; keys it lacked are added only if they differ from
	// the default.
	JSON() []byte
	// Channels returns the number of channels (features for 2-D data) of the
	// network's input and output.
	Channels() (in, out int)
}

// Class is a class of networks: everything that the program knows of it.
type Class struct {
	Name    string // "_class_name" in config.json
	Library string // that defines the class, as model_index.json names it: "diffusers"; "" becomes "unnoise"
	Doc     string // one line of help
	parse   func([]byte) (Config, error)
	build   func(Config) (Network, error)
}

// classes are the registered ones by name. They are written by init functions only.
var classes = map[string]*Class{}

// Register adds a class of networks; the package that defines it does so when it is initialized. parse
// reads a config.json, of which the keys that only describe the file may be anything, and validates it;
// build returns the network of a valid configuration. A class registered twice is a fault of the
// program and panics.
func Register[C Config](c Class, parse func([]byte) (C, error), build func(C) Network) {
	if _, ok := classes[c.Name]; ok {
		panic("nn: network class " + c.Name + " registered twice")
	}
	if c.Library == "" {
		c.Library = "unnoise"
	}
	c.parse = func(data []byte) (Config, error) {
		cfg, err := parse(data)
		if err != nil {
			return nil, err
		}
		return cfg, nil
	}
	c.build = func(cfg Config) (Network, error) {
		own, ok := cfg.(C)
		if !ok {
			return nil, fmt.Errorf("network class %s: got a configuration of type %T, expected %T", c.Name, cfg, own)
		}
		return build(own), nil
	}
	classes[c.Name] = &c
}

// Lookup returns a class by name, nil if there is none.
func Lookup(name string) *Class { return classes[name] }

// Names lists the registered classes, sorted.
func Names() []string { return slices.Sorted(maps.Keys(classes)) }

// ParseConfig reads config.json of any registered network, chosen by its "_class_name".
func ParseConfig(data []byte) (Config, error) {
	obj, err := pyjson.ParseObject(data)
	if err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	value, ok := obj.Get("_class_name")
	if !ok {
		return nil, fmt.Errorf("config.json: key \"_class_name\" is missing: supported are %s", quoted(Names()))
	}
	name, _ := value.(string)
	if c := Lookup(name); c != nil {
		return c.parse(data)
	}
	return nil, fmt.Errorf("config.json: key \"_class_name\" is %s: supported are %s",
		pyjson.Describe(value), quoted(Names()))
}

// quoted lists names as a sentence does: "a" and "b".
func quoted(names []string) string {
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = fmt.Sprintf("%q", n)
	}
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	last := len(list) - 1
	return strings.Join(list[:last], ", ") + " and " + list[last]
}

// New returns the network of a configuration.
func New(cfg Config) (Network, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	c := Lookup(cfg.ClassName())
	if c == nil {
		return nil, fmt.Errorf("there is no network of class %s: supported are %s", cfg.ClassName(), quoted(Names()))
	}
	return c.build(cfg)
}
