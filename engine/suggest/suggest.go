// Package suggest finds the name that was meant by a mistyped one.
package suggest

// Nearest returns the known name that is nearest to a mistyped one, "" where none is near: more than a third of its letters, and more
// than two, would have to change. Names of one letter are never suggested.
func Nearest(name string, known []string) string {
	best, least := "", max(2, len(name)/3)+1
	for _, k := range known {
		if d := Distance(name, k); len(k) > 1 && d < min(least, len(k)) {
			best, least = k, d
		}
	}
	return best
}

// Distance is Levenshtein's: the fewest insertions, deletions and replacements of bytes that turn a into b.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
