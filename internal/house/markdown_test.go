package house_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/escher-dbai/cloudops-engine/internal/house"
)

const hello = "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(1) }\n"

// TestREADME_ProgramsCompile builds each program that README.md shows, as if it stood in a folder of the module.
func TestREADME_ProgramsCompile(t *testing.T) {
	t.Parallel()
	const readme = "README.md"
	if !exists(readme) {
		t.Skip("there is no README.md yet")
	}
	tree, _ := theHouse(t) // what the programs are compiled against is an input of this test
	text := read(t, readme)
	for _, fault := range house.ProgramsStayOutside(readme, text, tree.Module) {
		t.Error(fault)
	}
	for _, program := range house.Programs(text) {
		folder := fmt.Sprintf("readme_line_%d", program.Line)
		place := fmt.Sprintf("//line README.md:%d\n", program.Line)
		overlay := overlayOf(t, filepath.Join(folder, "main.go"), place+program.Text)
		goCommand(t, nil, "build", "-buildvcs=false", "-overlay", overlay, "-o", os.DevNull, "./"+folder)
	}
}

// overlayOf tells the go command of a file that is not there, so that nothing is ever written into the tree.
func overlayOf(t *testing.T, name, text string) string {
	t.Helper()
	module, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	content, list := filepath.Join(t.TempDir(), "main.go"), filepath.Join(t.TempDir(), "overlay.json")
	files := map[string]map[string]string{"Replace": {filepath.Join(module, name): content}}
	encoded, err := json.Marshal(files)
	if err != nil {
		t.Fatal(err)
	}
	for file, data := range map[string][]byte{content: []byte(text), list: encoded} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// TestREADME_ShowsTheEmbedExample keeps the program a newcomer copies and the example that is tested the same.
func TestREADME_ShowsTheEmbedExample(t *testing.T) {
	t.Parallel()
	const example = "examples/embed/main.go"
	if !exists(example) || !exists("README.md") {
		t.Skip("there is no README.md or no " + example + " yet")
	}
	want := house.Code(read(t, example))
	shown := slices.ContainsFunc(house.Programs(read(t, "README.md")), func(b house.Block) bool {
		return house.Code(b.Text) == want
	})
	if !shown {
		t.Errorf("no ```go block of README.md is the program in %s: copy it there from its package clause on", example)
	}
}

func TestPrograms(t *testing.T) {
	t.Parallel()
	markdown := "Text.\n\n```go\n" + hello + "```\n\n" + // a program, its first line is line 4
		"```go\nengine.New(engine.Config{})\n```\n" + // a fragment
		"```go\npackage main\n\nvar x = 1\n```\n" + // a file without main
		"```sh\npackage main\n```\n" + // not Go
		"```text\n```go\n" + hello + "```\n" + // a fence within a block
		"```go\npackage main\n\nfunc main() {\n```\n" // does not parse: a compiler has to say so
	got := house.Programs(markdown)
	want := []house.Block{{Line: 4, Text: hello}, {Line: 31, Text: "package main\n\nfunc main() {\n"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("programs (-want +got):\n%s", diff)
	}
}

func TestProgramsStayOutside(t *testing.T) {
	t.Parallel()
	const inside = "\n```go\npackage main\n\nimport \"example.com/m/internal/run\"\n\nfunc main() { run.Run() }\n```\n"
	checkFaults(t, house.ProgramsStayOutside("R.md", inside, "example.com/m"), []string{
		"R.md:5: the program imports example.com/m/internal/run",
	})
	checkFaults(t, house.ProgramsStayOutside("R.md", "```go\n"+hello+"```\n", "example.com/m"), nil)
}

// TestSecurity_NamesTestsThatExist holds the threat model to what is tested.
func TestSecurity_NamesTestsThatExist(t *testing.T) {
	t.Parallel()
	tree, _ := theHouse(t)
	text := read(t, "docs/security.md")
	for _, fault := range house.NamedTestsExist("docs/security.md", text, tree) {
		t.Error(fault)
	}
}

func TestNamedTestsExist(t *testing.T) {
	t.Parallel()
	tree, err := house.Load(fixture{
		"x/x_test.go": "package x\nfunc TestThere() {}\nfunc (t) TestMethod() {}\nvar TestValue = 1", "x/x.go": "package x\nfunc TestInNoTest() {}",
	}.fs())
	if err != nil {
		t.Fatal(err)
	}
	text := "`TestThere`, and test a thing\n`TestGone` `TestMethod` `TestInNoTest` FuzzGone\n"
	checkFaults(t, house.NamedTestsExist("S.md", text, tree), []string{
		"S.md:2: there is no test TestGone", "S.md:2: there is no test TestMethod", "S.md:2: there is no test TestInNoTest", "S.md:2: there is no test FuzzGone",
	})
}

func TestCode(t *testing.T) {
	t.Parallel()
	for _, program := range []string{hello, "// Command x says\n// package things.\n" + hello, "\n\n" + hello + "\n"} {
		if got, want := house.Code(program), hello[:len(hello)-1]; got != want {
			t.Errorf("Code(%q) = %q, want %q", program, got, want)
		}
	}
}
