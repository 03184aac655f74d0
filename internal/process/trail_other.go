//go:build !linux

package process

// Searcher ends what is left of trees whose keepers have gone, on Linux.
type Searcher struct{}

// End does nothing here: nothing tells who is of a tree.
func (*Searcher) End(Trail) (ended int, left []Stray) { return 0, nil }

func startOf(int) int64 { return 0 }
func bootID() string    { return "" }
