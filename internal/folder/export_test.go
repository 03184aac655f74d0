package folder

// Trace has f called after every step that changes something.
func (s *State) Trace(f func(step, path, to string)) { s.disk.trace = f }
