package house_test

import (
	"os"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/house"
)

func TestText_IsPortable(t *testing.T) {
	t.Parallel()
	faults, err := house.TextIsPortable(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range faults {
		t.Error(fault)
	}
}

// The samples are put together from pieces, so that this file keeps the rule that it tests.
func TestTextIsPortable(t *testing.T) {
	t.Parallel()
	const slash, dot = "/", "."
	tests := map[string]struct {
		file, text string
		want       []string
	}{
		"a home":             {"a.go", "x\nvar p = \"" + slash + "home/ann/x\"", []string{`a.go:2: "\"/ho`}},
		"a mac's home":       {"a.md", "see " + slash + "Users/ann/x", []string{"a.md:1: "}},
		"a window's home":    {"a.md", `C:` + `\Users\ann`, []string{"a.md:1: "}},
		"a checkout":         {"a.yml", "dir: " + slash + "work/main", []string{"a.yml:1: "}},
		"root's home":        {"Makefile", slash + "root/go/bin", []string{"Makefile:1: "}},
		"an assignment":      {".env", "P=" + slash + "root/x", []string{".env:1: "}},
		"in testdata":        {"internal/run/testdata/a.txt", slash + "work/x", []string{"internal/run/testdata/a.txt:1: "}},
		"a Go proxy":         {"bench/a.sh", "https://proxy" + dot + "golang.org/x", []string{"bench/a.sh:1: "}},
		"an npm registry":    {"a.npmrc", "registry" + dot + "npmjs.org", []string{"a.npmrc:1: "}},
		"a lock file":        {"sdk/package-lock.json", "\"resolved\": \"https:" + slash + slash + "mirror.example/x.tgz\"", []string{"sdk/package-lock.json:1: "}},
		"the same elsewhere": {"a.json", "\"resolved\": \"https:" + slash + slash + "mirror.example/x.tgz\"", nil},
		"a URL":              {"a.md", "https://example.com" + slash + "home/ann and ~" + slash + "work/x", nil},
		"below a variable":   {"a.sh", "$HOME" + slash + "work/x ${TMP}" + slash + "root/x $(pwd)" + slash + "work/x", nil},
		"a relative path":    {"a.sh", "cd x" + slash + "work/y; ls ." + slash + "home/z", nil},
		"the folder itself":  {"a.md", "-v \"$PWD:" + slash + "work\" -w " + slash + "work", nil},
		"not text":           {"a.bin", "\x00 " + slash + "work/main", nil},
		"a linked work tree": {".git", "gitdir: " + slash + "work/main/x", nil},
		"not ours":           {"sdk/node_modules/a.js", slash + "work/main", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			faults, err := house.TextIsPortable(fixture{test.file: test.text}.fs())
			if err != nil {
				t.Fatal(err)
			}
			checkFaults(t, faults, test.want)
		})
	}
}
