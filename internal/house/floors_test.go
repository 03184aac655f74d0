package house_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/escher-dbai/cloudops-engine/internal/house"
)

func TestLoad_LeavesOutWhatGoLeavesOut(t *testing.T) {
	t.Parallel()
	tree, _ := fixture{
		"a.go":                       "package m",
		"internal/run/run.go":        "package run",
		"internal/run/testdata/x.go": "package broken (",
		"_old/x.go":                  "package broken (",
		".hidden/x.go":               "package broken (",
		"bench/go.mod":               "module example.com/m/bench\n",
		"bench/bench.go":             "package broken (",
		"sdk/node_modules/x/x.go":    "package broken (",
	}.load(t)
	var folders []string
	for _, p := range tree.Packages {
		folders = append(folders, p.Folder)
	}
	if diff := cmp.Diff([]string{".", "internal/run"}, folders); diff != "" {
		t.Errorf("folders (-want +got):\n%s", diff)
	}
	if tree.Module != "example.com/m" {
		t.Errorf("module %q, want example.com/m", tree.Module)
	}
}

func TestLoad_RefusesWhatDoesNotParse(t *testing.T) {
	t.Parallel()
	if _, err := house.Load(fixture{"a.go": "package m\nfunc ("}.fs()); err == nil {
		t.Error("no error for a file with a syntax error")
	}
}

func TestStandOnFloors(t *testing.T) {
	t.Parallel()
	checkBites(t, house.StandOnFloors, []bite{
		{"rooms and guards", fixture{
			"a.go":                     "package m",
			"gen/cloudops/v1/x.go":     "package v1",
			"examples/embed/main.go":   "package main",
			"internal/house/rules.go":  "package house",
			"scripts/listing/main.go":  "package main",
			"internal/process/main.go": "package process",
		}, nil},
		{"a new folder", fixture{"internal/util/x.go": "\npackage util"}, []string{
			"internal/util/x.go:2: the folder internal/util stands on no floor",
		}},
		{"a folder within a room", fixture{"internal/process/deep/x.go": "package deep"}, []string{
			"internal/process/deep/x.go:1: the folder internal/process/deep stands on no floor",
		}},
		{"a folder of tests alone", fixture{"test/x_test.go": "package test"}, []string{
			"test/x_test.go:1: the folder test stands on no floor",
		}},
	})
}

func TestImportsGoDown(t *testing.T) {
	t.Parallel()
	checkBites(t, house.ImportsGoDown, []bite{
		{"down", fixture{
			"cmd/x/main.go":       "package main\nimport _ \"example.com/m\"",
			"a.go":                "package m\nimport _ \"example.com/m/internal/journal\"",
			"internal/run/run.go": "package run\nimport _ \"example.com/m/internal/process\"",
		}, nil},
		{"within a room", fixture{
			"gen/a/a.go": "package a\nimport _ \"example.com/m/gen/b\"",
			"gen/b/b.go": "package b",
		}, nil},
		{"up", fixture{"internal/run/run.go": "package run\nimport (\n\t\"fmt\"\n\n\t\"example.com/m\"\n)"}, []string{
			"internal/run/run.go:5: internal/run imports up to .: an import goes down",
		}},
		{"sideways", fixture{"internal/journal/j.go": "package journal\nimport _ \"example.com/m/internal/process\""}, []string{
			"internal/journal/j.go:2: internal/journal imports sideways to internal/process: an import goes down",
		}},
		{"on one platform only", fixture{"internal/run/x_windows.go": "package run\nimport _ \"example.com/m/gen/a\""}, []string{
			"internal/run/x_windows.go:2: internal/run imports up to gen",
		}},
		{"behind a build tag", fixture{"internal/run/x.go": "//go:build never\n\npackage run\nimport _ \"example.com/m\""}, []string{
			"internal/run/x.go:4: internal/run imports up to .",
		}},
		{"a guard", fixture{"a.go": "package m\nimport _ \"example.com/m/internal/house\""}, []string{
			"a.go:2: . imports internal/house, which is outside the house",
		}},
		{"a test climbs", fixture{"internal/run/run_test.go": "package run_test\nimport _ \"example.com/m\""}, nil},
		{"a guard sees all", fixture{"examples/e/main.go": "package main\nimport _ \"example.com/m/cmd/x\""}, nil},
		{"a namesake of the module", fixture{"internal/run/run.go": "package run\nimport _ \"example.com/more\""}, nil},
	})
}

func TestLibrariesAreAllowed(t *testing.T) {
	t.Parallel()
	checkBites(t, house.LibrariesAreAllowed, []bite{
		{"std, own and listed", fixture{
			"a.go": "package m\nimport (\n_ \"net/http\"\n_ \"example.com/uuid\"\n_ \"example.com/m/internal/run\"\n)",
		}, nil},
		{"not listed", fixture{"a.go": "package m\nimport _ \"example.com/yaml\""}, []string{
			"a.go:2: . imports example.com/yaml: use the standard library, or list the module",
		}},
		{"listed for another room", fixture{"a.go": "package m\nimport _ \"example.com/sys/unix\""}, []string{
			"a.go:2: . imports example.com/sys/unix",
		}},
		{"what tests use, shipped", fixture{"a.go": "package m\nimport _ \"example.com/cmp\""}, []string{
			"a.go:2: . imports example.com/cmp",
		}},
		{"in a test", fixture{"a_test.go": "package m\nimport (\n_ \"example.com/cmp\"\n_ \"example.com/uuid\"\n)"}, nil},
		{"not for tests", fixture{"a_test.go": "package m\nimport _ \"example.com/testify\""}, []string{
			"a_test.go:2: a test of . imports example.com/testify: tests use testing and go-cmp",
		}},
		{"cgo", fixture{"internal/process/p.go": "package process\nimport \"C\""}, []string{
			"internal/process/p.go:2: cgo:",
		}},
		{"an example", fixture{"examples/e/main.go": "package main\nimport _ \"example.com/wails\""}, nil},
	})
}
