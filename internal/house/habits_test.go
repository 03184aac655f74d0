package house_test

import (
	"strings"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/house"
)

func TestPackagesAreDocumented(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("// A line.\n", 11)
	checkBites(t, house.PackagesAreDocumented, []bite{
		{"one", fixture{"a.go": "// Package m is.\npackage m", "b.go": "package m", "b_test.go": "// Tests.\npackage m"}, nil},
		{"long, in doc.go", fixture{"doc.go": long + "package m"}, nil},
		{"only tests", fixture{"a_test.go": "package m"}, nil},
		{"none", fixture{"a.go": "package m"}, []string{"a.go:1: the package in . has no package comment"}},
		{"a directive is none", fixture{"a.go": "//go:generate true\npackage m"}, []string{
			"a.go:2: the package in . has no package comment",
		}},
		{"two", fixture{"a.go": "// Package m is.\npackage m", "b.go": "// Package m is, too.\npackage m"}, []string{
			"b.go:1: a second package comment, beside the one in a.go",
		}},
		{"two on two platforms", fixture{"a_linux.go": "// Package m is.\npackage m", "a_other.go": "// Package m is.\npackage m"}, []string{
			"a_other.go:1: a second package comment",
		}},
		{"long, elsewhere", fixture{"a.go": long + "package m"}, []string{
			"a.go:1: a package comment of 11 lines: over 10 it goes into doc.go",
		}},
		{"examples too", fixture{"examples/e/main.go": "package main"}, []string{
			"examples/e/main.go:1: the package in examples/e has no package comment",
		}},
	})
}

func TestGoroutinesAreOwned(t *testing.T) {
	t.Parallel()
	const starts = "\nfunc f() {\n\tfunc() {\n\t\tgo f()\n\t}()\n}"
	checkBites(t, house.GoroutinesAreOwned, []bite{
		{"the owners", fixture{
			"internal/lifecycle/l.go": "package lifecycle" + starts,
			"internal/process/p.go":   "package process" + starts,
		}, nil},
		{"a test", fixture{"a_test.go": "package m" + starts}, nil},
		{"an example", fixture{"examples/e/main.go": "package main" + starts}, nil},
		{"another room", fixture{"a.go": "package m" + starts}, []string{
			"a.go:4: a go statement: only internal/lifecycle and internal/process have them; call Go of a lifecycle.Group",
		}},
		{"a suite", fixture{"enginetest/e.go": "package enginetest" + starts}, []string{
			"enginetest/e.go:4: a go statement",
		}},
		{"no call of go", fixture{"a.go": "package m\nfunc f() { group.Go(f) }"}, nil},
	})
}

func TestTestsDoNotSleep(t *testing.T) {
	t.Parallel()
	const (
		sleeps  = "\nimport \"time\"\nfunc f() { time.Sleep(1) }"
		renamed = "\nimport clock \"time\"\nvar f = clock.Sleep"
		another = "\nimport \"example.com/time\"\nfunc f() { time.Sleep(1) }"
	)
	checkBites(t, house.TestsDoNotSleep, []bite{
		{"a test", fixture{"a_test.go": "package m" + sleeps}, []string{"a_test.go:3: time.Sleep in a test"}},
		{"renamed, not called", fixture{"a_test.go": "package m" + renamed}, []string{"a_test.go:3: time.Sleep"}},
		{"a suite", fixture{"enginetest/e.go": "package enginetest" + sleeps}, []string{"enginetest/e.go:3: time.Sleep"}},
		{"an example's test", fixture{"examples/e/e_test.go": "package main" + sleeps}, []string{"examples/e/e_test.go:3: "}},
		{"another Sleep", fixture{"a_test.go": "package m" + another}, nil},
		{"timers", fixture{"a_test.go": "package m\nimport \"time\"\nvar f = time.After"}, nil},
	})
}

func TestTestingIsForTests(t *testing.T) {
	t.Parallel()
	checkBites(t, house.TestingIsForTests, []bite{
		{"a test", fixture{"a_test.go": "package m\nimport \"testing\""}, nil},
		{"enginetest", fixture{"enginetest/e.go": "package enginetest\nimport \"testing\""}, nil},
		{"shipped", fixture{"a.go": "package m\nimport \"testing\""}, []string{"a.go:2: . imports testing: it would ship"}},
		{"a part of it", fixture{"gen/x/x.go": "package x\nimport _ \"testing/fstest\""}, []string{
			"gen/x/x.go:2: gen imports testing/fstest",
		}},
	})
}
