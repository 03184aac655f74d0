package plan

import "math"

// Axis is one dimension of a matrix.
type Axis struct {
	Name   string
	Values []string
}

// Size is how many cells the axes span; math.MaxInt where that is too many to count.
func Size(axes []Axis) int {
	n := 1
	for _, a := range axes {
		if len(a.Values) > 0 && n > math.MaxInt/len(a.Values) {
			return math.MaxInt
		}
		n *= len(a.Values)
	}
	return n
}

// Cell is the values of the cell with this number, one of each axis. The last axis
// turns fastest.
func Cell(axes []Axis, number int) []string {
	values := make([]string, len(axes))
	for i := len(axes) - 1; i >= 0; i-- {
		n := len(axes[i].Values)
		values[i] = axes[i].Values[number%n]
		number /= n
	}
	return values
}
