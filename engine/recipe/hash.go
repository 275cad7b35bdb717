package recipe

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"sort"
	"strings"
)

// resumableKeys may change when a run is resumed: they do not change what is learned.
var resumableKeys = map[string]bool{"train.steps": true, "train.log_every": true, "train.eval_every": true, "train.eval_samples": true,
	"train.sample_every": true, "train.sample_count": true, "train.checkpoint_every": true, "train.keep_checkpoints": true,
	"sample.sampler": true, "sample.steps": true, "sample.eta": true, "sample.spacing": true, "sample.guidance_scale": true,
	"data.workers": true, "data.prefetch": true, "data.cache_mb": true, "log.tensorboard": true, "log.histogram_every": true}

// addedKeys are keys added after the first release. The hash skips them while they hold the value
// that reproduces the old behaviour.
var addedKeys = map[string]string{"data.layout": "auto", "data.skip_bad": "false", "train.label_dropout": "0"}

// flatten returns the values by dotted key.
func flatten(r *Recipe) map[string]string {
	out := map[string]string{}
	var walk func(prefix string, v reflect.Value)
	walk = func(prefix string, v reflect.Value) {
		if v.Kind() == reflect.Struct {
			for i := range v.NumField() {
				if f := v.Type().Field(i); f.IsExported() {
					walk(prefix+f.Tag.Get("toml")+".", v.Field(i))
				}
			}
			return
		}
		key := strings.TrimSuffix(prefix, ".")
		if v.Kind() == reflect.Map {
			for _, k := range v.MapKeys() {
				out[key+"."+k.String()] = fmt.Sprint(v.MapIndex(k).Interface())
			}
			return
		}
		out[key] = fmt.Sprint(v.Interface())
	}
	walk("", reflect.ValueOf(*r))
	return out
}

// Changes lists the keys in which two recipes differ, as "key: old -> new"; those that cannot
// change the result are left out, and so is where files of data lie: their contents identify them.
func Changes(old, new *Recipe) []string {
	a, b := flatten(old), flatten(new)
	if !old.Data.generated() && !new.Data.generated() {
		delete(a, sourceKey)
		delete(b, sourceKey)
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			a[k] = "absent"
		}
	}
	var list []string
	for k, v := range a {
		w, ok := b[k]
		if !ok {
			w = "absent"
		}
		if v != w && !resumableKeys[k] {
			list = append(list, fmt.Sprintf("%s: %s -> %s", k, v, w))
		}
	}
	sort.Strings(list)
	return list
}

// sourceKey is where the data lie.
const sourceKey = "data.source"

// Hash identifies everything that decides the result but the contents of files of data: SHA-256 over
// the sorted keys that are not resumable, in the spelling of the first release. Where files lie is
// left out, the name of a 2-D set is not.
func (r *Recipe) Hash() string {
	values := flatten(r)
	if !r.Data.generated() {
		delete(values, sourceKey)
	}
	return hash(values)
}

// FormerHash is the hash that runs up to v0.1 were written with: it includes where the data lay.
func (r *Recipe) FormerHash(source string) string {
	values := flatten(r)
	values[sourceKey] = source
	return hash(values)
}

func hash(values map[string]string) string {
	for old, now := range renamedKeys {
		if v, ok := values[now]; ok && !resumableKeys[now] {
			values[old] = v
			delete(values, now)
		}
	}
	var list []string
	for k, v := range values {
		if old, ok := addedKeys[k]; !resumableKeys[k] && !(ok && v == old) {
			list = append(list, k)
		}
	}
	sort.Strings(list)
	h := sha256.New()
	for _, k := range list {
		fmt.Fprintf(h, "%s=%s\n", k, values[k])
	}
	return hex.EncodeToString(h.Sum(nil))
}
