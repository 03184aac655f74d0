package history

// Commits is how many transactions a store has committed.
func (s *Store) Commits() int64 {
	s.writer.mu.Lock()
	defer s.writer.mu.Unlock()
	return s.writer.commits
}

// Waiting is how many changes wait for the writer.
func (s *Store) Waiting() int {
	s.writer.mu.Lock()
	defer s.writer.mu.Unlock()
	return len(s.writer.waiting)
}

// CheckedAlways and CheckedDaily are how large a history is checked whole whenever it is
// opened, and once a day.
const (
	CheckedAlways = checkedAlways
	CheckedDaily  = checkedDaily
)

// HaveParts makes a store find text by parts of n executions, a multiple of 256.
func (s *Store) HaveParts(n int) { s.textPart = n }
