package engine_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
)

// constants are the string constants of a type in a file, by name.
func constants(t *testing.T, file, typeName string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, spec := range declared(t, file, token.CONST) {
		if name, ok := spec.Type.(*ast.Ident); !ok || name.Name != typeName {
			continue
		}
		for i, name := range spec.Names {
			literal, ok := spec.Values[i].(*ast.BasicLit)
			if !ok {
				continue
			}
			value, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			found[name.Name] = value
		}
	}
	if len(found) == 0 {
		t.Fatalf("%s declares no %s", file, typeName)
	}
	return found
}

// declared are the specs of a kind at the top of a file.
func declared(t *testing.T, file string, kind token.Token) []*ast.ValueSpec {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var specs []*ast.ValueSpec
	for _, d := range tree.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok || group.Tok != kind {
			continue
		}
		for _, s := range group.Specs {
			if spec, ok := s.(*ast.ValueSpec); ok {
				specs = append(specs, spec)
			}
		}
	}
	return specs
}

// The drawing in doc.go and the table are the same.
func TestStatus_DrawingIsTheTable(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	drawn := make(map[engine.Status][]engine.Status)
	for _, line := range regexp.MustCompile(`(?m)^//\t(\w+) +→ (.*)$`).FindAllStringSubmatch(string(doc), -1) {
		for next := range strings.FieldsSeq(line[2]) {
			drawn[engine.Status(line[1])] = append(drawn[engine.Status(line[1])], engine.Status(next))
		}
	}
	for from, table := range engine.Transitions() {
		slices.Sort(table)
		slices.Sort(drawn[from])
		if !slices.Equal(table, drawn[from]) {
			t.Errorf("%s: drawn %v, in the table %v", from, drawn[from], table)
		}
	}
}

func TestStatus_TableIsClosed(t *testing.T) {
	t.Parallel()
	table := engine.Transitions()
	for name, value := range constants(t, "status.go", "Status") {
		s := engine.Status(value)
		if _, ok := table[s]; !ok || !s.Valid() {
			t.Errorf("%s (%q) is not in the table", name, value)
		}
		if s.Terminal() != (len(table[s]) == 0) {
			t.Errorf("%s: terminal is %v, and yet %v follow", value, s.Terminal(), table[s])
		}
		for _, next := range table[s] {
			if !next.Valid() || !s.CanBecome(next) || s.CanBecome(s) {
				t.Errorf("%s can become %s, which is not as it should be", s, next)
			}
		}
	}
	if engine.Status("done").Valid() || engine.Status("").Terminal() {
		t.Error("a status that is none is valid")
	}
}
