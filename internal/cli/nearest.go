package cli

import "strings"

// nearest is the word that somebody who typed text most likely meant, "" if
// none is near.
func nearest(text string, words []string) string {
	text = strings.ToLower(text)
	if text == "" {
		return ""
	}
	best, bound := "", max(1, len(text)/3)+1
	for _, word := range words {
		d := distance(text, word)
		if len(text) >= 3 && strings.HasPrefix(word, text) {
			d = 1
		}
		if d < bound {
			best, bound = word, d
		}
	}
	return best
}

// distance is the number of letters to insert, drop, change or swap with their
// neighbour that makes b of a.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(last[j]+1, row[j-1]+1, change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
