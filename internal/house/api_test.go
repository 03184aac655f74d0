package house_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/escher-dbai/cloudops-engine/internal/house"
)

var update = flag.Bool("update", false, "write api.txt anew")

// TestAPI_IsAsListed makes every change of what the library exports a line that a reviewer sees.
func TestAPI_IsAsListed(t *testing.T) {
	t.Parallel()
	const (
		listing = "api.txt"
		hint    = "go test ./internal/house -run TestAPI_IsAsListed -update (or make generate)"
	)
	tree, _ := theHouse(t)
	engine, ok := tree.Package(".")
	if !ok || len(engine.Shipped()) == 0 {
		t.Skipf("the root package has no Go files yet; once it has: %s", hint)
	}
	got := strings.Join(house.API(tree, engine), "\n") + "\n"
	if *update {
		if err := os.WriteFile(filepath.Join(root, listing), []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !exists(listing) {
		t.Fatalf("there is no %s, the list of what the library exports; write it: %s", listing, hint)
	}
	if diff := cmp.Diff(strings.Split(read(t, listing), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("the library exports something else than %s lists; if that is meant: %s\n(-listed +exported)\n%s",
			listing, hint, diff)
	}
}

func TestAPI(t *testing.T) {
	t.Parallel()
	const a = `package m

import "time"

// Limit is documented, which the listing leaves out.
const (
	Limit, hidden = 3, 4
	Done State = "done"
)

var ErrGone, errInner = New("gone"), New("inner")
var Default Config = Config{}

type State string
type Old = State
type Set[K comparable, V any] map[K]V

type Config struct {
	// Name is a name.
	Name  string ` + "`json:\"name\"`" + `
	A, B  time.Duration
	State
	inner int
}

type Runner interface {
	State
	Start(ctx Context, to func(int)) (Run, error)
	seal()
}

func New(text string) error { return nil }
func (c *Config) Validate() error { return nil }
func (c Config) quiet()           {}
func (s Set[K, V]) Len() int      { return len(s) }
func (h hiddenType) Shown()       {}
func helper()                     {}

type hiddenType struct{ Field int }
`
	tree, _ := fixture{
		"a.go":         a,
		"b_linux.go":   "package m\nfunc Where() string { return `linux` }",
		"b_windows.go": "package m\nfunc Where() string { return `windows` }",
		"c_test.go":    "package m\nfunc Test() {}",
	}.load(t)
	p, _ := tree.Package(".")
	want := []string{
		`const Done State = "done"`,
		"const Limit = 3",
		"func New(text string) error",
		"func Where() string",
		"method (*Config) Validate() error",
		"method (Set[K, V]) Len() int",
		"type Config struct",
		"type Config struct, A time.Duration",
		"type Config struct, B time.Duration",
		"type Config struct, Name string `json:\"name\"`",
		"type Config struct, embeds State",
		"type Config struct, unexported members",
		"type Old = State",
		"type Runner interface",
		"type Runner interface, Start(ctx Context, to func(int)) (Run, error)",
		"type Runner interface, embeds State",
		"type Runner interface, unexported members",
		"type Set[K comparable, V any] map[K]V",
		"type State string",
		"var Default Config",
		"var ErrGone",
	}
	if diff := cmp.Diff(want, house.API(tree, p)); diff != "" {
		t.Errorf("listing (-want +got):\n%s", diff)
	}
}
