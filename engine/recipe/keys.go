package recipe

import (
	"slices"
	"sort"
	"strings"

	"github.com/unnoise/unnoise/engine/suggest"
)

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

// nearest is the known key nearest to a mistyped one, taken whole or by its last part.
func nearest(key, last string) string {
	known := Keys()
	if near := suggest.Nearest(key, known); near != "" {
		return near
	}
	var ends []string
	for _, k := range known {
		ends = append(ends, k[strings.LastIndex(k, ".")+1:])
	}
	if near := suggest.Nearest(last, ends); near != "" {
		return known[slices.Index(ends, near)]
	}
	return ""
}
