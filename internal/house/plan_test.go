package house_test

import (
	"strings"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/house"
)

func TestParsePlan_FindsRooms(t *testing.T) {
	t.Parallel()
	plan, err := house.ParsePlan(fixturePlan)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		folder, room string
		floor        int
		ok           bool
	}{
		{".", ".", 2, true},
		{"cmd/x", "cmd/x", 3, true},
		{"internal/process", "internal/process", 0, true},
		{"internal/process/deeper", "internal/process/deeper", 0, false},
		{"gen/cloudops/v1", "gen", 2, true},
		{"generous", "generous", 0, false},
		{"internal/house", "internal/house", 0, false},
	}
	for _, test := range tests {
		room, floor, ok := plan.Room(test.folder)
		if room != test.room || floor != test.floor || ok != test.ok {
			t.Errorf("Room(%q) = %q, %d, %t; want %q, %d, %t",
				test.folder, room, floor, ok, test.room, test.floor, test.ok)
		}
	}
}

func TestParsePlan_MayImport(t *testing.T) {
	t.Parallel()
	plan, err := house.ParsePlan(fixturePlan)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		room, path string
		want       bool
	}{
		{".", "example.com/uuid", true},
		{".", "example.com/uuid/v2", true},
		{".", "example.com/uuids", false},
		{".", "example.com/sys", false},
		{"internal/process", "example.com/sys/unix", true},
		{"internal/journal", "example.com/sys", false},
	}
	for _, test := range tests {
		if got := plan.MayImport(test.room, test.path); got != test.want {
			t.Errorf("MayImport(%q, %q) = %t, want %t", test.room, test.path, got, test.want)
		}
	}
}

func TestParsePlan_RefusesNonsense(t *testing.T) {
	t.Parallel()
	const libraries = "```imports\n```\n"
	tests := map[string]struct{ plan, want string }{
		"no house":          {libraries, "0 blocks ```house"},
		"two houses":        {"```house\n0 a\n```\n```house\n0 b\n```\n" + libraries, "2 blocks ```house"},
		"no imports":        {"```house\n0 a\n```\n", "0 blocks ```imports"},
		"a word for number": {"```house\ncellar a\n0 b\n```\n" + libraries, `"cellar" is not a number`},
		"a floor left out":  {"```house\n2 a\n0 b\n```\n" + libraries, "floor 0 follows floor 2"},
		"upside down":       {"```house\n0 a\n1 b\n```\n" + libraries, "floor 1 follows floor 0"},
		"no ground":         {"```house\n2 a\n1 b\n```\n" + libraries, "no floor 0"},
		"a room twice":      {"```house\n1 a\n0 a\n```\n" + libraries, "a stands on two floors"},
		"a guard in it":     {"```house\n0 examples\n```\n" + libraries, "examples is a guard"},
		"unknown room":      {"```house\n0 a\n```\n```imports\nb example.com/x\n```\n", "b stands on no floor"},
		"two import lines":  {"```house\n0 a\n```\n```imports\na x\na y\n```\n", "a has two lines"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := house.ParsePlan(test.plan)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
		})
	}
}
