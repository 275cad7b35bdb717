// Package arrows checks the arrows of the import graph: which folder never imports which. Its test holds this module to them.
package arrows

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Module is the import path that folders are relative to.
const Module = "github.com/unnoise/unnoise"

// File is a Go file, without tests, with the folders of the module that it imports.
type File struct {
	Path    string // relative to the module, with slashes
	Imports []string
}

// Rule forbids imports. From and To are folders; what lies below them is meant, too, but From is not part of To. A folder that does not exist yet is held to its
// rules as soon as it does.
type Rule struct {
	From, To string
	Direct   bool   // only an import of its own counts: To may be reached through other packages
	Files    string // only files whose name matches, directly; From is where they lie, "" everywhere
}

func (r Rule) String() string {
	from := r.From
	if r.Files != "" {
		from = path.Join(from, r.Files)
	}
	return from + " -> " + r.To
}

// Rules are the arrows that must never exist.
var Rules = []Rule{
	{From: "engine/graph", To: "engine/exec"},
	{From: "engine/nn", To: "engine/exec"},
	{From: "engine/nn", To: "engine/train"},
	{From: "engine/sampler", To: "engine/exec"},
	{From: "engine/sampler", To: "engine/sample"},
	{From: "engine/sampler", To: "engine/train"},
	{From: "engine/diffusion", To: "engine/exec"},
	{From: "engine/recipe", To: "engine/train"},
	{From: "engine/rundir", To: "engine/train"},
	{From: "engine/store", To: "engine"},
	{From: "kernels/collective", To: "engine/train"},
	{From: "kernels", To: "engine"},
	{From: "cuda", To: "kernels"},
	{From: "cuda", To: "engine"},
	{From: "engine", To: "cli"},
	{From: "engine", To: "bench"},
	{From: "cli", To: "kernels/gpu", Direct: true},
	{Files: "*_cpu.go", To: "cuda"},
}

// Scan reads the imports of the module's Go files under root, tests and testdata left out; build tags are not looked at.
func Scan(root string) ([]File, error) {
	var files []File
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base := d.Name(); d.IsDir() && name != root && (base == "testdata" || base == "build" || strings.HasPrefix(base, ".")) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		f, err := read(root, name)
		files = append(files, f)
		return err
	})
	return files, err
}

func read(root, name string) (File, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
	if err != nil {
		return File{}, err
	}
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return File{}, err
	}
	f := File{Path: filepath.ToSlash(rel)}
	for _, s := range parsed.Imports {
		p, err := strconv.Unquote(s.Path.Value)
		if err != nil {
			return File{}, err
		}
		if folder, ok := strings.CutPrefix(p, Module+"/"); ok {
			f.Imports = append(f.Imports, folder)
		}
	}
	return f, nil
}

// Check returns a line for each forbidden arrow, with the packages on the way.
func Check(files []File, rules []Rule) []string {
	imports := map[string][]string{} // by folder
	for _, f := range files {
		dir := path.Dir(f.Path)
		imports[dir] = append(imports[dir], f.Imports...)
	}
	var found []string
	for _, r := range rules {
		if r.Files != "" {
			found = append(found, checkFiles(files, r)...)
			continue
		}
		for dir := range imports {
			if !within(dir, r.From) {
				continue
			}
			if way := reach(imports, dir, r); way != nil {
				found = append(found, fmt.Sprintf("%s: %s", r, strings.Join(way, " imports ")))
			}
		}
	}
	slices.Sort(found)
	return found
}

func checkFiles(files []File, r Rule) []string {
	var found []string
	for _, f := range files {
		if ok, _ := path.Match(r.Files, path.Base(f.Path)); !ok || !within(path.Dir(f.Path), r.From) {
			continue
		}
		for _, to := range f.Imports {
			if within(to, r.To) {
				found = append(found, fmt.Sprintf("%s: %s imports %s", r, f.Path, to))
			}
		}
	}
	return found
}

// reach returns a shortest way from a folder to one that the rule forbids, nil if there is none.
func reach(imports map[string][]string, from string, r Rule) []string {
	before := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, to := range imports[at] {
			if _, seen := before[to]; seen {
				continue
			}
			before[to] = at
			if within(to, r.To) && !within(to, r.From) {
				return wayTo(before, to)
			}
			if !r.Direct {
				queue = append(queue, to)
			}
		}
	}
	return nil
}

func wayTo(before map[string]string, to string) []string {
	var way []string
	for at := to; at != ""; at = before[at] {
		way = append(way, at)
	}
	slices.Reverse(way)
	return way
}

// within reports whether a folder is another one or lies below it; every folder lies below "".
func within(folder, of string) bool {
	return of == "" || folder == of || strings.HasPrefix(folder, of+"/")
}
