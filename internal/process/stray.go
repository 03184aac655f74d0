package process

// Stray is a process of the tree that left its group.
type Stray struct {
	Pid     int
	Command string // its command line, as far as it can be read
}
