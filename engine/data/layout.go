package data

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// part is what a picture is for.
type part int8

const (
	partTrain part = iota
	partHeldOut
	partNone // left out
)

// foreignFolders hold what systems leave behind, never a data set.
var foreignFolders = []string{"__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found"}

// hidden reports whether a name, or a folder on its path, is passed over in folders and archives alike.
func hidden(name string) bool {
	for folder := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(folder, ".") || slices.Contains(foreignFolders, folder) {
			return true
		}
	}
	return false
}

// slashes is a name with / between folders. Archives written on Windows separate by \, and so do the
// names of files that were unpacked from them elsewhere.
func slashes(name string) string { return strings.ReplaceAll(name, `\`, "/") }

// pictureLayout is what the folders of a source say of its pictures.
type pictureLayout struct {
	names   []string // without folders that hold everything
	parts   []part
	labels  []int32 // nil without classes
	classes []string
	notes   []string
}

// newPictureLayout reads names, sorted paths of pictures relative to the source. Folders that hold
// every picture are looked through. train, test and val folders (also training, valid, ..) are
// splits: above the classes (train/cats) or below them (cats/train). The first folder that is left
// is the class, if every picture lies in one.
func newPictureLayout(names []string) *pictureLayout {
	l := &pictureLayout{names: lookThrough(names, nil), parts: make([]part, len(names))}
	inner := slices.Clone(l.names)
	for level := range 2 {
		if s := findSplits(l.names, level); s != nil {
			l.split(s, inner, level)
			break
		}
	}
	l.label(inner)
	return l
}

// lookThrough removes the folders that hold every name, but none whose name is in keep.
func lookThrough(names []string, keep map[string]bool) []string {
	names = slices.Clone(names)
	for {
		top, ok := commonFolder(names)
		if !ok || keep[strings.TrimSuffix(top, "/")] {
			return names
		}
		for i, name := range names {
			names[i] = strings.TrimPrefix(name, top)
		}
	}
}

// commonFolder returns the first part of every name, with its slash, if it is one and the same.
func commonFolder(names []string) (string, bool) {
	if len(names) == 0 {
		return "", false
	}
	top, _, ok := strings.Cut(names[0], "/")
	for _, name := range names {
		if !ok || !strings.HasPrefix(name, top+"/") {
			return "", false
		}
	}
	return top + "/", true
}

// splitName is the name of a split, alone or set off from the rest of a name: train, seg_train, val2017.
var splitName = regexp.MustCompile(`^(?:(.*)[^a-z])?(train|training|test|testing|eval|evaluation|val|valid|validation|dev)(?:[^a-z](.*))?$`)

// splitOf returns which split the name of a folder means, "train", "test" or "val", and the rest of
// the name; "" for none.
func splitOf(folder string) (split, rest string) {
	m := splitName.FindStringSubmatch(strings.ToLower(folder))
	if m == nil {
		return "", ""
	}
	switch m[2] {
	case "train", "training":
		split = "train"
	case "test", "testing", "eval", "evaluation":
		split = "test"
	default:
		split = "val"
	}
	return split, m[1] + "*" + m[3]
}

// splits are the folders of the splits of a source.
type splits struct{ train, held, other string }

// findSplits looks at the folders of one level: splits are one train folder and, of a like name, a
// test or val folder, or both. At a deeper level every folder must be one of them.
func findSplits(names []string, level int) *splits {
	folders := map[string]bool{}
	for _, name := range names {
		dirs := strings.Split(name, "/")
		if len(dirs) > level+1 {
			folders[dirs[level]] = true
		} else if level > 0 {
			return nil
		}
	}
	found := map[string]string{} // split and rest to folder
	var trains []string
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		split, rest := splitOf(folder)
		if split == "" && level > 0 {
			return nil
		}
		if split == "train" {
			trains = append(trains, rest)
		}
		if key := split + " " + rest; split != "" && found[key] == "" {
			found[key] = folder
		}
	}
	if len(trains) != 1 {
		return nil
	}
	s := &splits{train: found["train "+trains[0]], held: found["test "+trains[0]], other: found["val "+trains[0]]}
	if s.held == "" {
		s.held, s.other = s.other, ""
	}
	if s.held == "" {
		return nil
	}
	return s
}

// split gives every picture its part, and takes the folder of the split from inner.
func (l *pictureLayout) split(s *splits, inner []string, level int) {
	left := map[string]int{}
	for i, name := range l.names {
		dirs := strings.Split(name, "/")
		folder := ""
		if len(dirs) > level+1 {
			folder = dirs[level]
		}
		switch folder {
		case s.train:
			l.parts[i] = partTrain
		case s.held:
			l.parts[i] = partHeldOut
		default:
			l.parts[i] = partNone
			left[cmp.Or(folder, ".")]++
			continue
		}
		inner[i] = strings.Join(slices.Delete(dirs, level, level+1), "/")
	}
	l.notes = append(l.notes, fmt.Sprintf("splits: %s is trained on, %s is held out", s.train, s.held))
	for _, folder := range slices.Sorted(maps.Keys(left)) {
		l.notes = append(l.notes, fmt.Sprintf("left out: %d pictures of %s", left[folder], folder))
	}
	// Folders that hold a whole split are looked through: train/train/cats.
	train := l.lookThroughPart(inner, partTrain, nil)
	classes := map[string]bool{}
	for _, name := range train {
		if class, _, ok := strings.Cut(name, "/"); ok {
			classes[class] = true
		}
	}
	l.lookThroughPart(inner, partHeldOut, classes)
}

// lookThroughPart removes folders that hold the whole of one part from its names in inner, and returns these names.
func (l *pictureLayout) lookThroughPart(inner []string, p part, keep map[string]bool) []string {
	var names []string
	for i, name := range inner {
		if l.parts[i] == p {
			names = append(names, name)
		}
	}
	names = lookThrough(names, keep)
	next := 0
	for i := range inner {
		if l.parts[i] == p {
			inner[i] = names[next]
			next++
		}
	}
	return names
}

// label takes the classes from the first folders in inner.
func (l *pictureLayout) label(inner []string) {
	number, loose := map[string]int32{}, [2][]string{} // by part, pictures in no folder
	for i, name := range inner {
		if l.parts[i] == partNone {
			continue
		}
		if class, _, ok := strings.Cut(name, "/"); ok {
			number[class] = 0
		} else {
			loose[l.parts[i]] = append(loose[l.parts[i]], l.names[i])
		}
	}
	if len(number) == 0 {
		return
	}
	if n := len(loose[partTrain]); n > 0 {
		l.notes = append(l.notes, fmt.Sprintf("no classes: %d pictures lie in no folder, the first is %s",
			n, loose[partTrain][0]))
		return
	}
	if n := len(loose[partHeldOut]); n > 0 {
		l.notes = append(l.notes, fmt.Sprintf("left out: %d held-out pictures in no folder of a class, the first is %s",
			n, loose[partHeldOut][0]))
	}
	l.classes = slices.Sorted(maps.Keys(number))
	for i, class := range l.classes {
		number[class] = int32(i)
	}
	l.labels = make([]int32, len(inner))
	for i, name := range inner {
		class, _, ok := strings.Cut(name, "/")
		if !ok {
			l.parts[i] = partNone
		}
		l.labels[i] = number[class]
	}
}

// endings counts files by the endings of their names.
type endings map[string]int

func (e endings) add(name string) { e[strings.ToLower(path.Ext(name))]++ }

func (e endings) total() (n int) {
	for _, count := range e {
		n += count
	}
	return n
}

// String lists the endings, the most frequent first: "3 .txt, 1 .heic, 1 without ending".
func (e endings) String() string {
	keys := slices.SortedFunc(maps.Keys(e), func(a, b string) int { return cmp.Or(e[b]-e[a], strings.Compare(a, b)) })
	const most = 12
	var list []string
	for _, ending := range keys[:min(len(keys), most)] {
		list = append(list, fmt.Sprintf("%d %s", e[ending], cmp.Or(ending, "without ending")))
	}
	if len(keys) > most {
		list = append(list, "...")
	}
	return strings.Join(list, ", ")
}
