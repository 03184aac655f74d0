package house

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Plan is the drawing of the house in ARCHITECTURE.md.
// It is read-only once parsed.
type Plan struct {
	floors    map[string]int      // room to floor; the roof is one above the highest number
	libraries map[string][]string // room to the module paths it may import
}

// forTests is the line of the imports block that says what every test may import.
const forTests = "_test"

// wholeRoom is the room that owns every folder below it, too: generated code has a folder a version.
const wholeRoom = "gen"

// ParsePlan reads the fenced blocks "house" and "imports" of a Markdown text.
func ParsePlan(markdown string) (*Plan, error) {
	plan := &Plan{floors: map[string]int{}, libraries: map[string][]string{}}
	rooms := fencedBlocks(markdown, "house")
	if len(rooms) != 1 {
		return nil, fmt.Errorf("the plan has %d blocks ```house, want one", len(rooms))
	}
	libraries := fencedBlocks(markdown, "imports")
	if len(libraries) != 1 {
		return nil, fmt.Errorf("the plan has %d blocks ```imports, want one", len(libraries))
	}
	return plan, errors.Join(plan.addFloors(rooms[0].Text), plan.addLibraries(libraries[0].Text))
}

// addFloors reads lines of a floor and its rooms, from the roof down.
func (p *Plan) addFloors(block string) error {
	const roof = "roof"
	above, roofs := -1, []string(nil)
	for line := range strings.Lines(block) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if fields[0] == roof {
			roofs = append(roofs, fields[1:]...)
			continue
		}
		floor, err := strconv.Atoi(fields[0])
		if err != nil || floor < 0 {
			return fmt.Errorf("house: floor %q is not a number or %q", fields[0], roof)
		}
		if above >= 0 && floor != above-1 {
			return fmt.Errorf("house: floor %d follows floor %d; floors are listed from the top, none left out", floor, above)
		}
		above = floor
		if err := p.addRooms(floor, fields[1:]); err != nil {
			return err
		}
	}
	if above != 0 {
		return errors.New("house: there is no floor 0")
	}
	return p.addRooms(p.top()+1, roofs)
}

func (p *Plan) addRooms(floor int, rooms []string) error {
	for _, room := range rooms {
		if _, ok := p.floors[room]; ok {
			return fmt.Errorf("house: %s stands on two floors", room)
		}
		if isGuard(room) {
			return fmt.Errorf("house: %s is a guard and stands on no floor", room)
		}
		p.floors[room] = floor
	}
	return nil
}

// addLibraries reads lines of a room and the modules outside this one that it may import.
func (p *Plan) addLibraries(block string) error {
	for line := range strings.Lines(block) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		room := fields[0]
		if _, ok := p.floors[room]; !ok && room != forTests {
			return fmt.Errorf("imports: %s stands on no floor", room)
		}
		if _, ok := p.libraries[room]; ok {
			return fmt.Errorf("imports: %s has two lines", room)
		}
		p.libraries[room] = fields[1:]
	}
	return nil
}

func (p *Plan) top() int {
	top := 0
	for _, floor := range p.floors {
		top = max(top, floor)
	}
	return top
}

// Room returns the room that the folder belongs to and its floor.
// ok is false when the folder stands on no floor.
func (p *Plan) Room(folder string) (room string, floor int, ok bool) {
	if isWithin(folder, wholeRoom) {
		folder = wholeRoom
	}
	floor, ok = p.floors[folder]
	return folder, floor, ok
}

// MayImport reports whether the room may import a package outside the module and the standard library.
func (p *Plan) MayImport(room, path string) bool {
	return slices.ContainsFunc(p.libraries[room], func(module string) bool { return isWithin(path, module) })
}

// isGuard reports whether a folder stands outside the house: it sees every room, and no room may see it.
func isGuard(folder string) bool {
	guards := []string{"bench", "examples", "internal/house", "scripts", "tools"}
	return slices.ContainsFunc(guards, func(guard string) bool { return isWithin(folder, guard) })
}

// isWithin reports whether the slash-separated path is the root given or lies below it.
func isWithin(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}
