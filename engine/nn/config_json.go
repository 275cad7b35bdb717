package nn

import (
	"fmt"
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

// harmlessKeys are written by diffusers and change nothing in the network.
var harmlessKeys = []string{"_class_name", "_diffusers_version", "_name_or_path", "_commit_hash", "_use_default_values"}

// ParseConfig reads config.json of any supported network, chosen by its
// "_class_name".
func ParseConfig(data []byte) (Config, error) {
	obj, err := pyjson.ParseObject(data)
	if err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	switch class, _ := obj.Get("_class_name"); class {
	case UNet2DClass:
		return ParseUNet2DConfig(data)
	case MLPClass:
		return ParseMLPConfig(data)
	default:
		return nil, fmt.Errorf("config.json: key \"_class_name\" is %s: supported are %q and %q", pyjson.Describe(class), UNet2DClass, MLPClass)
	}
}

// parseConfig decodes data over defaults into the fields and returns the
// document that was read.
func parseConfig(data []byte, class string, fields []pyjson.Field, defaults *pyjson.Object) (*pyjson.Object, error) {
	obj, err := pyjson.ParseObject(data)
	if err != nil {
		return nil, err
	}
	if name, ok := obj.Get("_class_name"); ok && name != class {
		return nil, fmt.Errorf("key \"_class_name\" is %s: want %q", pyjson.Describe(name), class)
	}
	if err := pyjson.RefuseUnknown(obj, fields, harmlessKeys...); err != nil {
		return nil, err
	}
	if err := pyjson.Decode(defaults, fields); err != nil {
		return nil, err
	}
	return obj, pyjson.Decode(obj, fields)
}

// mustObject parses a document that is part of the program.
func mustObject(text string) *pyjson.Object {
	obj, err := pyjson.ParseObject([]byte(text))
	if err != nil {
		panic(err) // a constant of this package: every test would fail
	}
	return obj
}

// keyError says that a key's value is not supported and what is.
func keyError(key string, value any, format string, args ...any) error {
	return fmt.Errorf("config.json: key %q is %s: %s", key, pyjson.Describe(value), fmt.Sprintf(format, args...))
}

// oneOf refuses a value outside the supported ones.
func oneOf(key, value string, supported ...string) error {
	if slices.Contains(supported, value) {
		return nil
	}
	return keyError(key, value, "supported: %s", strings.Join(supported, ", "))
}

// inRange refuses an integer outside [low, high].
func inRange(key string, value, low, high int) error {
	if value >= low && value <= high {
		return nil
	}
	return keyError(key, value, "want %d..%d", low, high)
}

// firstError returns the first error that is not nil.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// activation maps the spellings of act_fn to the activation's own name.
func activation(name string) string {
	if name == "swish" {
		return "silu"
	}
	return name
}
