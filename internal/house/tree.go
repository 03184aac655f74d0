package house

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A Tree is the Go source of one module, parsed but not type-checked.
// It is read-only once loaded.
type Tree struct {
	Module   string    // the module's path, as in go.mod
	Packages []Package // the folders with Go files, by name

	fset *token.FileSet
}

// A Package is a folder with Go files.
type Package struct {
	Folder string // slash-separated, "." for the root
	Files  []File // by name
}

// A File is one Go file of a package.
type File struct {
	Path   string // slash-separated, from the root of the module
	IsTest bool   // the name ends in _test.go
	Syntax *ast.File
}

// Load parses every Go file of the module at the root of fsys, for whatever platform it is.
// Left out are the folders that the go command leaves out too: modules of their own, testdata, vendor, and
// those whose names begin with a dot or an underscore.
func Load(fsys fs.FS) (*Tree, error) {
	module, err := moduleOf(fsys)
	if err != nil {
		return nil, err
	}
	tree := &Tree{Module: module, fset: token.NewFileSet()}
	folders := map[string][]File{}
	err = fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && !isGoFolder(fsys, name):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		file, err := tree.parse(fsys, name)
		folders[path.Dir(name)] = append(folders[path.Dir(name)], file)
		return err
	})
	for folder, files := range folders {
		tree.Packages = append(tree.Packages, Package{Folder: folder, Files: files})
	}
	slices.SortFunc(tree.Packages, func(a, b Package) int { return strings.Compare(a.Folder, b.Folder) })
	return tree, err
}

func moduleOf(fsys fs.FS) (string, error) {
	text, err := fs.ReadFile(fsys, "go.mod")
	if err != nil {
		return "", err
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if module, ok := strings.CutPrefix(lines.Text(), "module "); ok {
			return strings.TrimSpace(module), nil
		}
	}
	return "", errors.New("go.mod: no module line")
}

func isGoFolder(fsys fs.FS, name string) bool {
	if name == "." {
		return true
	}
	base := path.Base(name)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "vendor" {
		return false
	}
	if isForeign(name) {
		return false
	}
	_, err := fs.Stat(fsys, path.Join(name, "go.mod"))
	return err != nil
}

// isForeign reports whether a folder holds what was fetched or built, and not written here.
func isForeign(name string) bool {
	return slices.Contains([]string{".bin", ".git", "coverage", "dist", "node_modules"}, path.Base(name))
}

func (t *Tree) parse(fsys fs.FS, name string) (File, error) {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return File{}, err
	}
	syntax, err := parser.ParseFile(t.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	return File{Path: name, IsTest: strings.HasSuffix(name, "_test.go"), Syntax: syntax}, err
}

// Package returns the package in the folder.
// ok is false when there are no Go files in it.
func (t *Tree) Package(folder string) (p Package, ok bool) {
	i := slices.IndexFunc(t.Packages, func(p Package) bool { return p.Folder == folder })
	if i < 0 {
		return Package{}, false
	}
	return t.Packages[i], true
}

// Shipped returns the files of the package that are not tests.
func (p Package) Shipped() []File {
	return slices.DeleteFunc(slices.Clone(p.Files), func(f File) bool { return f.IsTest })
}

// folderOf returns the folder of an import path, when the import is of this module.
func (t *Tree) folderOf(importPath string) (folder string, ok bool) {
	if importPath == t.Module {
		return ".", true
	}
	return strings.CutPrefix(importPath, t.Module+"/")
}

// fault says what is wrong at a place in the tree.
func (t *Tree) fault(pos token.Pos, format string, args ...any) string {
	place := t.fset.Position(pos)
	return fmt.Sprintf("%s:%d: ", place.Filename, place.Line) + fmt.Sprintf(format, args...)
}

// pathOf returns the path that an import names.
func pathOf(spec *ast.ImportSpec) string {
	name, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value
	}
	return name
}
