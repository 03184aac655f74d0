package supervisor

import (
	"os"
	"strconv"
	"strings"
)

// scorePath is how likely this process is ended where memory runs out, from -1000 on. Only
// Linux has it.
const scorePath = "/proc/self/oom_score_adj"

// goLast has what is started until it is undone be ended before this process, where
// memory runs out: else nobody is left who knows how it ended.
func goLast() (undo func()) {
	const further, most = 100, 1000
	text, err := os.ReadFile(scorePath)
	own, wrong := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || wrong != nil || own < 0 { // a child of one that is spared is not: see the process room
		return func() {}
	}
	if os.WriteFile(scorePath, []byte(strconv.Itoa(min(own+further, most))), 0) != nil {
		return func() {}
	}
	return func() { _ = os.WriteFile(scorePath, []byte(strconv.Itoa(own)), 0) } // not below what it was set to from outside, so it may
}
