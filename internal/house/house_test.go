package house_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/escher-dbai/cloudops-engine/internal/house"
)

// root is the folder of the module, seen from this package.
const root = "../.."

// TestHouse_KeepsItsRules holds the rules against the real tree.
func TestHouse_KeepsItsRules(t *testing.T) {
	t.Parallel()
	tree, plan := theHouse(t)
	rules := map[string]func(*house.Tree, *house.Plan) []string{
		"StandOnFloors":         house.StandOnFloors,
		"ImportsGoDown":         house.ImportsGoDown,
		"LibrariesAreAllowed":   house.LibrariesAreAllowed,
		"PackagesAreDocumented": house.PackagesAreDocumented,
		"GoroutinesAreOwned":    house.GoroutinesAreOwned,
		"TestsDoNotSleep":       house.TestsDoNotSleep,
		"TestingIsForTests":     house.TestingIsForTests,
	}
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, fault := range rule(tree, plan) {
				t.Error(fault)
			}
		})
	}
}

// theHouse loads the real tree and its plan.
func theHouse(t *testing.T) (*house.Tree, *house.Plan) {
	t.Helper()
	tree, err := house.Load(os.DirFS(root))
	if err != nil {
		t.Fatalf("the tree does not parse: %v", err)
	}
	plan, err := house.ParsePlan(read(t, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatalf("ARCHITECTURE.md: %v", err)
	}
	return tree, plan
}

// read returns a file of the module.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// exists reports whether the module has the file.
func exists(name string) bool {
	_, err := os.Stat(filepath.Join(root, name))
	return err == nil
}

// goCommand runs the go command in the root of the module and returns its lines.
// Callers load the tree first: what a test opens itself is an input that the test cache knows of, what the go
// command reads is not.
func goCommand(t *testing.T, env []string, args ...string) []string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir = root
	command.Env = append(append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off"), env...)
	var stderr strings.Builder
	command.Stderr = &stderr
	stdout, err := command.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.Split(strings.TrimSpace(string(stdout)), "\n")
}

// A fixture is a small tree: file names and what is in them.
type fixture map[string]string

// fixturePlan is the house that the fixtures are built in.
const fixturePlan = "```house\n" +
	"roof   cmd/x\n" +
	"2      . gen\n" +
	"1      internal/run enginetest\n" +
	"0      internal/process internal/journal internal/lifecycle\n" +
	"```\n\n" +
	"```imports\n" +
	".                 example.com/uuid\n" +
	"internal/process  example.com/sys\n" +
	"_test             example.com/cmp\n" +
	"```\n"

func (f fixture) fs() fstest.MapFS {
	files := fstest.MapFS{"go.mod": {Data: []byte("module example.com/m\n\ngo 1.26\n")}}
	for name, text := range f {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

func (f fixture) load(t *testing.T) (*house.Tree, *house.Plan) {
	t.Helper()
	tree, err := house.Load(f.fs())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := house.ParsePlan(fixturePlan)
	if err != nil {
		t.Fatal(err)
	}
	return tree, plan
}

// A bite is a tree that a rule has to accept, or has to fault.
type bite struct {
	name string
	tree fixture
	want []string // how each fault begins; none when the tree is right
}

// checkBites runs one rule over the trees.
func checkBites(t *testing.T, rule func(*house.Tree, *house.Plan) []string, bites []bite) {
	t.Helper()
	for _, b := range bites {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			tree, plan := b.tree.load(t)
			checkFaults(t, rule(tree, plan), b.want)
		})
	}
}

func checkFaults(t *testing.T, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d faults, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range got {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("fault %d\n got %s\nwant %s...", i, got[i], want[i])
		}
	}
}
