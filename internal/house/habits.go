package house

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// longestDoc is the number of lines up to which a package comment may stand elsewhere than in doc.go.
const longestDoc = 10

// PackagesAreDocumented faults packages that have no package comment, or two, or a long one outside doc.go.
// Generated files are what their generator makes of them.
func PackagesAreDocumented(tree *Tree, _ *Plan) []string {
	var faults []string
	for _, p := range tree.Packages {
		shipped := slices.DeleteFunc(p.Shipped(), func(f File) bool { return ast.IsGenerated(f.Syntax) })
		if len(shipped) == 0 {
			continue
		}
		documented := slices.DeleteFunc(slices.Clone(shipped), func(f File) bool { return f.Syntax.Doc.Text() == "" })
		if len(documented) == 0 {
			faults = append(faults, tree.fault(shipped[0].Syntax.Package,
				"the package in %s has no package comment: say in one sentence what it is for", p.Folder))
			continue
		}
		for _, extra := range documented[1:] {
			faults = append(faults, tree.fault(extra.Syntax.Doc.Pos(),
				"a second package comment, beside the one in %s: keep one", documented[0].Path))
		}
		first := documented[0]
		lines := tree.lines(first.Syntax.Doc.Pos(), first.Syntax.Doc.End())
		if lines > longestDoc && path.Base(first.Path) != "doc.go" {
			faults = append(faults, tree.fault(first.Syntax.Doc.Pos(),
				"a package comment of %d lines: over %d it goes into doc.go", lines, longestDoc))
		}
	}
	return faults
}

// GoroutinesAreOwned faults go statements outside the rooms that own goroutines.
// Test files may start their own.
func GoroutinesAreOwned(tree *Tree, plan *Plan) []string {
	owners := []string{"internal/lifecycle", "internal/process"}
	var faults []string
	for file, room := range shippedRooms(tree, plan) {
		if slices.Contains(owners, room) {
			continue
		}
		for node := range ast.Preorder(file.Syntax) {
			if statement, ok := node.(*ast.GoStmt); ok {
				faults = append(faults, tree.fault(statement.Pos(), "a go statement: only %s have them; call Go of a "+
					"lifecycle.Group and add a row to the table of goroutines in ARCHITECTURE.md",
					strings.Join(owners, " and ")))
			}
		}
	}
	return faults
}

// TestsDoNotSleep faults calls of time.Sleep in test files and in enginetest, whose suites are tests.
func TestsDoNotSleep(tree *Tree, _ *Plan) []string {
	var faults []string
	for _, p := range tree.Packages {
		for _, file := range p.Files {
			if !file.IsTest && p.Folder != "enginetest" {
				continue
			}
			for _, use := range usesOf(file.Syntax, "time", "Sleep") {
				faults = append(faults, tree.fault(use.Pos(), "time.Sleep in a test: wait for what happens (a channel, "+
					"the ending, the pid that is gone); where time itself is tested, use a synctest bubble and a timer"))
			}
		}
	}
	return faults
}

// TestingIsForTests faults imports of testing packages by rooms that ship. enginetest may: suites are what it ships.
func TestingIsForTests(tree *Tree, plan *Plan) []string {
	var faults []string
	for file, room := range shippedRooms(tree, plan) {
		if room == "enginetest" {
			continue
		}
		for _, spec := range file.Syntax.Imports {
			if isWithin(pathOf(spec), "testing") {
				faults = append(faults, tree.fault(spec.Pos(),
					"%s imports %s: it would ship to users; move it to a _test.go file or to enginetest", room, pathOf(spec)))
			}
		}
	}
	return faults
}

// usesOf returns the places where a file names a member of a package.
func usesOf(file *ast.File, importPath, member string) []ast.Node {
	local := localName(file, importPath)
	var uses []ast.Node
	for node := range ast.Preorder(file) {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok || selector.Sel.Name != member {
			continue
		}
		if name, ok := selector.X.(*ast.Ident); ok && name.Name == local {
			uses = append(uses, selector)
		}
	}
	return uses
}

// localName returns the name under which a file imports a package, empty when it does not.
func localName(file *ast.File, importPath string) string {
	for _, spec := range file.Imports {
		switch {
		case pathOf(spec) != importPath:
		case spec.Name != nil:
			return spec.Name.Name
		default:
			return path.Base(importPath)
		}
	}
	return ""
}

// at says where a fault is that has no position in Go source.
func at(name string, line int, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: ", name, line) + fmt.Sprintf(format, args...)
}
