package redact

import "slices"

// interval is a piece of a text, by the places of its first byte and of the
// one behind its last.
type interval struct{ start, end int64 }

// intervals are pieces of a text in order, none overlapping another.
type intervals []interval

// add adds a piece and joins it with all that it overlaps. Pieces that only
// touch stay two.
func (list *intervals) add(piece interval) {
	all := *list
	low := len(all)
	for low > 0 && all[low-1].end > piece.start {
		low--
	}
	high := low
	for high < len(all) && all[high].start < piece.end {
		piece.start = min(piece.start, all[high].start)
		piece.end = max(piece.end, all[high].end)
		high++
	}
	if low == len(all) {
		*list = append(all, piece)
		return
	}
	*list = slices.Replace(all, low, high, piece)
}
