package house_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/house"
)

// carried are the modules that a program which embeds the engine gets with it. The list is a promise to
// users, and stands here apart from the imports block of ARCHITECTURE.md so that one change cannot break it unseen.
var carried = []string{"github.com/creack/pty", "github.com/google/uuid", "golang.org/x/sys"}

// TestDependencies_OfTheLibraryAreFew asks the go command what the root package links, on each platform.
func TestDependencies_OfTheLibraryAreFew(t *testing.T) {
	t.Parallel()
	tree, plan := theHouse(t)
	if p, _ := tree.Package("."); len(p.Shipped()) == 0 {
		t.Skip("the root package has no Go files yet")
	}
	for _, platform := range []string{"linux", "darwin", "windows"} {
		t.Run(platform, func(t *testing.T) {
			t.Parallel()
			linked := goCommand(t, []string{"GOOS=" + platform},
				"list", "-e", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")
			for _, path := range linked {
				if why := tooMuch(tree, plan, path); why != "" {
					t.Errorf("the library links %s: %s", path, why)
				}
			}
		})
	}
}

// tooMuch says why the library may not link a package; empty when it may.
func tooMuch(tree *house.Tree, plan *house.Plan, path string) string {
	folder, own := strings.CutPrefix(path, tree.Module+"/")
	_, floor, known := plan.Room(folder)
	switch {
	case path == tree.Module || own && known && floor <= 1:
		return ""
	case own:
		return "it rests on floors 0 and 1 alone"
	case slices.ContainsFunc(carried, func(module string) bool { return path == module || strings.HasPrefix(path, module+"/") }):
		return ""
	}
	return "every program that embeds the engine would carry it; keep it in a room above the library"
}

func TestTooMuch(t *testing.T) {
	t.Parallel()
	tree, plan := fixture{}.load(t)
	for path, want := range map[string]bool{
		"example.com/m":                  false,
		"example.com/m/internal/run":     false,
		"example.com/m/internal/journal": false,
		"example.com/m/gen/x":            true,
		"example.com/m/internal/unknown": true,
		"github.com/google/uuid":         false,
		"golang.org/x/sys/unix":          false,
		"golang.org/x/system":            true,
		"google.golang.org/protobuf":     true,
	} {
		if got := tooMuch(tree, plan, path) != ""; got != want {
			t.Errorf("tooMuch(%q) = %t, want %t", path, got, want)
		}
	}
}

// TestDependencies_TestingDoesNotShip finds testing behind a dependency, where the rule on imports does not look.
func TestDependencies_TestingDoesNotShip(t *testing.T) {
	t.Parallel()
	tree, plan := theHouse(t)
	for _, line := range goCommand(t, nil, "list", "-e", "-f", `{{.ImportPath}} {{join .Deps " "}}`, "./...") {
		path, deps, _ := strings.Cut(line, " ")
		folder := strings.TrimPrefix(strings.TrimPrefix(path, tree.Module), "/")
		if folder == "" {
			folder = "."
		}
		if _, _, ok := plan.Room(folder); !ok || folder == "enginetest" {
			continue
		}
		if strings.Contains(" "+deps, " testing/") || slices.Contains(strings.Fields(deps), "testing") {
			t.Errorf("%s links testing: go list -deps -f '{{.ImportPath}}: {{.Imports}}' ./%s shows through what; "+
				"only enginetest may", path, folder)
		}
	}
}
