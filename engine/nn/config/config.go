// Package config reads and checks config.json of a network: what the packages of networks share.
package config

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/unnoise/unnoise/engine/checkpoint/pyjson"
)

// MaxChannels bounds channel counts so that shape products cannot overflow.
const MaxChannels = 1 << 16

// harmlessKeys are written by diffusers and change nothing in the network; the second line is what its
// EMAModel adds to the configuration of the network that it averages.
var harmlessKeys = []string{"_class_name", "_diffusers_version", "_name_or_path", "_commit_hash", "_use_default_values",
	"decay", "inv_gamma", "min_decay", "optimization_step", "power", "update_after_step", "use_ema_warmup"}

// Parse decodes the text of a config.json of a class over the defaults into the fields and returns the
// document that was read. The error names the first key that is unknown or whose value has another
// type.
func Parse(data []byte, class string, fields []pyjson.Field, defaults *pyjson.Object) (*pyjson.Object, error) {
	obj, err := parse(data, class, fields, defaults)
	if err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	return obj, nil
}

func parse(data []byte, class string, fields []pyjson.Field, defaults *pyjson.Object) (*pyjson.Object, error) {
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

// Text returns the text of config.json for the fields: keys that the document had keep their literals,
// keys that it lacked are added where they differ from the default. Without a document all keys are
// written.
func Text(document *pyjson.Object, fields []pyjson.Field, defaults *pyjson.Object) []byte {
	if document == nil {
		document = defaults
	}
	return pyjson.Encode(pyjson.Update(document, fields, defaults))
}

// MustObject parses a document that is part of the program.
func MustObject(text string) *pyjson.Object {
	obj, err := pyjson.ParseObject([]byte(text))
	if err != nil {
		panic(err) // a constant of the program: every test would fail
	}
	return obj
}

// KeyError says that a key's value is not supported and what is.
func KeyError(key string, value any, format string, args ...any) error {
	return fmt.Errorf("config.json: key %q is %s: %s", key, pyjson.Describe(value), fmt.Sprintf(format, args...))
}

// OneOf refuses a value outside the supported ones.
func OneOf(key, value string, supported ...string) error {
	if slices.Contains(supported, value) {
		return nil
	}
	return KeyError(key, value, "supported: %s", strings.Join(supported, ", "))
}

// InRange refuses an integer outside [low, high].
func InRange(key string, value, low, high int) error {
	if value >= low && value <= high {
		return nil
	}
	return KeyError(key, value, "want %d..%d", low, high)
}

// FirstError returns the first error that is not nil.
func FirstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Finite reports whether f is neither NaN nor infinite.
func Finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }
