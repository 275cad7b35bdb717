package recipe

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/unnoise/unnoise/engine/suggest"
)

// renamedKeys are the spellings of the first release, with today's. They are read for good.
var renamedKeys = map[string]string{
	"data.points":      "data.num_points",
	"diffusion.clip":   "diffusion.clip_sample_range",
	"diffusion.delta":  "diffusion.huber_delta",
	"sample.guidance":  "sample.guidance_scale",
	"train.accumulate": "train.micro_batches",
	"train.batch":      "train.micro_batch",
	"train.clip":       "train.max_grad_norm",
	"train.horizon":    "train.lr_decay_steps",
	"train.keep":       "train.keep_checkpoints",
	"train.rate":       "train.lr_schedule",
	"train.warmup":     "train.warmup_steps",
}

// spelling is a key's spelling of today.
func spelling(key string) string {
	if now, ok := renamedKeys[key]; ok {
		return now
	}
	return key
}

// Renamed lists the keys that were given in a former spelling, as "old -> new".
func (r *Recipe) Renamed() []string { return r.renamed }

// RenamedText is a warning about such keys.
func RenamedText(renamed []string) string { return "keys were renamed: " + strings.Join(renamed, ", ") }

// merge sets the keys of a TOML text. Former spellings are read; a key given in both is an error,
// and so is an unknown one.
func (r *Recipe) merge(name, text string) error {
	meta, err := toml.Decode(text, r)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, key := range meta.Undecoded() {
		now, ok := renamedKeys[key.String()]
		if !ok {
			return fmt.Errorf("%s: unknown key %q%s", name, key.String(), suggestion(key.String()))
		}
		if meta.IsDefined(strings.Split(now, ".")...) {
			return fmt.Errorf("%s: %s and %s are the same key: give %s alone", name, key, now, now)
		}
		if err := r.mergeRenamed(text, key.String(), now); err != nil {
			return fmt.Errorf("%s: %s: %w", name, key, err)
		}
	}
	return nil
}

// mergeRenamed sets a key to the value that a text gives for its former spelling.
func (r *Recipe) mergeRenamed(text, old, now string) error {
	var tables map[string]any
	if _, err := toml.Decode(text, &tables); err != nil {
		return err
	}
	name, last, _ := strings.Cut(old, ".")
	table, ok := tables[name].(map[string]any)
	if !ok {
		return fmt.Errorf("%s: got %T, expected a table", name, tables[name])
	}
	var b bytes.Buffer
	renamed := map[string]any{strings.TrimPrefix(now, name+"."): table[last]}
	if err := toml.NewEncoder(&b).Encode(map[string]any{name: renamed}); err != nil {
		return err
	}
	if _, err := toml.Decode(b.String(), r); err != nil {
		return err
	}
	if change := old + " -> " + now; !slices.Contains(r.renamed, change) {
		r.renamed = append(r.renamed, change)
	}
	return nil
}

// Keys lists every key of a recipe but the network's, which are those of its config.json.
func Keys() []string {
	var list []string
	for k := range flatten(defaults()) {
		list = append(list, k)
	}
	sort.Strings(list)
	return list
}

// suggestion names known keys with the same last part, or all keys of the table.
func suggestion(key string) string {
	last := key[strings.LastIndex(key, ".")+1:]
	table, _, _ := strings.Cut(key, ".")
	var same, inTable []string
	near := nearest(key, last)
	for _, k := range Keys() {
		if strings.HasSuffix(k, "."+last) {
			same = append(same, k)
		}
		if strings.HasPrefix(k, table+".") {
			inTable = append(inTable, k)
		}
	}
	for old, now := range renamedKeys {
		if strings.HasSuffix(old, "."+last) {
			same = append(same, now)
		}
	}
	sort.Strings(same)
	switch {
	case len(same) > 0:
		return ": did you mean " + strings.Join(same, " or ") + "?"
	case near != "":
		return ": did you mean " + near + "?"
	case len(inTable) > 0:
		return ": known are " + strings.Join(inTable, ", ")
	}
	return ": tables are network, diffusion, data, train, sample, log"
}

// nearest is the known key nearest to a mistyped one, taken whole or by its last part; former spellings are known too.
func nearest(key, last string) string {
	known := Keys()
	for old := range renamedKeys {
		known = append(known, old)
	}
	sort.Strings(known)
	if near := suggest.Nearest(key, known); near != "" {
		return spelling(near)
	}
	var ends []string
	for _, k := range known {
		ends = append(ends, k[strings.LastIndex(k, ".")+1:])
	}
	if near := suggest.Nearest(last, ends); near != "" {
		return spelling(known[slices.Index(ends, near)])
	}
	return ""
}
