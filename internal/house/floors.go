package house

import (
	"go/token"
	"iter"
	"strings"
)

// StandOnFloors faults the folders with Go files that the plan does not know.
func StandOnFloors(tree *Tree, plan *Plan) []string {
	var faults []string
	for _, p := range tree.Packages {
		if _, _, ok := plan.Room(p.Folder); ok || isGuard(p.Folder) {
			continue
		}
		faults = append(faults, tree.fault(p.Files[0].Syntax.Package,
			"the folder %s stands on no floor: give it one in the house block of ARCHITECTURE.md, or move its files to a room",
			p.Folder))
	}
	return faults
}

// ImportsGoDown faults the imports between rooms that do not go down at least one floor.
// Test files may climb. A room may import its own folders. Nothing in the house may import a guard.
func ImportsGoDown(tree *Tree, plan *Plan) []string {
	var faults []string
	for file, room := range shippedRooms(tree, plan) {
		for _, spec := range file.Syntax.Imports {
			target, ok := tree.folderOf(pathOf(spec))
			if !ok {
				continue
			}
			if why := plan.refuses(room, target); why != "" {
				faults = append(faults, tree.fault(spec.Pos(), "%s", why))
			}
		}
	}
	return faults
}

// refuses says why a room may not import a folder of the house; empty when it may.
func (p *Plan) refuses(room, target string) string {
	from := p.floors[room]
	targetRoom, to, ok := p.Room(target)
	switch {
	case isGuard(target):
		return room + " imports " + target + ", which is outside the house: move what is needed into a room"
	case !ok:
		return "" // StandOnFloors says it once, at the folder itself
	case targetRoom == room || to < from:
		return ""
	}
	way := "up"
	if to == from {
		way = "sideways"
	}
	return room + " imports " + way + " to " + targetRoom +
		": an import goes down at least one floor; take what is needed as a parameter, or move it to a room below both"
}

// LibrariesAreAllowed faults imports from outside the module that the plan does not list for the room.
// Test files may import what their room may, and what every test may.
func LibrariesAreAllowed(tree *Tree, plan *Plan) []string {
	var faults []string
	for _, p := range tree.Packages {
		room, _, ok := plan.Room(p.Folder)
		if !ok {
			continue
		}
		for _, file := range p.Files {
			for _, spec := range file.Syntax.Imports {
				if why := plan.refusesLibrary(tree, room, file, pathOf(spec)); why != "" {
					faults = append(faults, tree.fault(spec.Pos(), "%s", why))
				}
			}
		}
	}
	return faults
}

func (p *Plan) refusesLibrary(tree *Tree, room string, file File, path string) string {
	if path == "C" {
		return "cgo: the house builds with CGO_ENABLED=0; write it in Go or through golang.org/x/sys"
	}
	if _, own := tree.folderOf(path); own || isStandard(path) || p.MayImport(room, path) {
		return ""
	}
	if !file.IsTest {
		return room + " imports " + path + ": use the standard library, or list the module for the room in the" +
			" imports block of ARCHITECTURE.md and say why in the commit"
	}
	if p.MayImport(forTests, path) {
		return ""
	}
	return "a test of " + room + " imports " + path + ": tests use testing and go-cmp, and what the line " +
		forTests + " of the imports block of ARCHITECTURE.md lists"
}

// isStandard reports whether an import path is the standard library's: those have no dot before the first slash.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// shippedRooms yields the files that are not tests and stand on a floor, with their rooms.
func shippedRooms(tree *Tree, plan *Plan) iter.Seq2[File, string] {
	return func(yield func(File, string) bool) {
		for _, p := range tree.Packages {
			room, _, ok := plan.Room(p.Folder)
			if !ok {
				continue
			}
			for _, file := range p.Shipped() {
				if !yield(file, room) {
					return
				}
			}
		}
	}
}

// lines counts the lines from one position to another, both included.
func (t *Tree) lines(from, to token.Pos) int {
	return t.fset.Position(to).Line - t.fset.Position(from).Line + 1
}
