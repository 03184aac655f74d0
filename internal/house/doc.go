// Package house keeps the rules of the house, the ones a compiler does not check, as ordinary tests.
//
// ARCHITECTURE.md draws the house: which room stands on which floor, and which libraries a room may use. The
// tests of this package read that drawing and the source tree and compare the two. A rule that fails says
// where, and what to do about it.
//
// A rule is a function from a [Tree] and a [Plan] to a list of faults, each a line that begins with a place
// ("file:line: ..."). The rules read the source with go/parser and not with the go command: the test cache
// does not see the files that a child process reads, so a test that asks the go command can be answered
// "(cached)" after the tree was broken. The few tests that have to run the go command (what links what, does
// the README compile) load the tree first, which makes every Go file an input of theirs.
//
// What a type checker would be needed for is left to the linter.
package house

//go:generate go test . -run ^TestAPI_IsAsListed$ -count=1 -update
