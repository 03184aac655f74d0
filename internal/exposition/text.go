package exposition

import (
	"fmt"
	"strconv"
)

// ContentType is that of [Families.Text].
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Text is all of them in the text format.
func (f *Families) Text() []byte {
	var text []byte
	for i := range f.all {
		text = f.all[i].append(text)
	}
	return text
}

func (f *Family) append(to []byte) []byte {
	to = fmt.Appendf(to, "# HELP %s %s\n# TYPE %s %s\n", f.Name, f.Help, f.Name, f.Kind)
	for _, s := range f.Samples {
		to = sample(to, f.Name, s.Value, s.Labels...)
	}
	if f.Kind != Histogram && f.Kind != Summary {
		return to
	}
	total := int64(0)
	for i, n := range f.Spread.Counts {
		le := "+Inf"
		if i < len(f.Spread.Bounds) {
			le = number(f.Spread.Bounds[i].Seconds())
		}
		total += n
		to = sample(to, f.Name+"_bucket", float64(total), "le", le)
	}
	to = sample(to, f.Name+"_sum", f.Spread.Sum.Seconds())
	return sample(to, f.Name+"_count", float64(f.Spread.Count))
}

func sample(to []byte, name string, value float64, labels ...string) []byte {
	to = append(to, name...)
	for i := 0; i+1 < len(labels); i += 2 {
		before := ","
		if i == 0 {
			before = "{"
		}
		to = fmt.Appendf(to, "%s%s=\"", before, labels[i])
		to = append(escaped(to, labels[i+1]), '"')
	}
	if len(labels) > 0 {
		to = append(to, '}')
	}
	return append(append(append(to, ' '), number(value)...), '\n')
}

// escaped appends the value of a label: three characters have an escape, and no other.
func escaped(to []byte, value string) []byte {
	for _, c := range []byte(value) {
		switch c {
		case '\\', '"':
			to = append(to, '\\', c)
		case '\n':
			to = append(to, '\\', 'n')
		default:
			to = append(to, c)
		}
	}
	return to
}

// number is a value as the format has it.
func number(value float64) string { return strconv.FormatFloat(value, 'g', -1, 64) }
