package engine

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"
)

// Filter chooses executions: those for which all of its fields hold. The zero
// value chooses all.
type Filter struct {
	// IDPrefix is what the id begins with, in hex digits; dashes and case do not
	// count. Empty: any.
	IDPrefix string
	// Status is any of these; empty: all.
	Status []Status
	// Type is any of these types of command; empty: all.
	Type []CommandType
	// Program is [Execution.Program]; empty: any.
	Program string
	// Tags must all be there with these values.
	Tags map[string]string
	// Source is Metadata.Source; empty: any.
	Source string
	// ConversationID is Metadata.ConversationID; zero: any.
	ConversationID ID
	// ExitCode is that of those that ended, -1 where there is none; nil: any.
	ExitCode *int
	// Text must be in the command as it is shown, in this case; empty: any.
	Text string
	// Since and Until bound the time of acceptance: Since ≤ accepted < Until.
	Since, Until time.Time

	// Limit is the most to return. Defaults to 100; at most 1,000.
	Limit int
	// After is Page.Next of the page before. The rest of the filter, but for Limit
	// and Total, must be as it was for that page.
	After string
	// Oldest has those that were accepted first come first.
	Oldest bool
	// Total asks for Page.Total, which may cost more than the page.
	Total bool
}

// Page is a part of a list.
type Page struct {
	Executions []Execution `json:"executions"`
	// Next is what Filter.After takes to go on; empty at the end.
	Next string `json:"next,omitempty"`
	// Total is how many match, those of all pages together; 0 unless Filter.Total.
	Total int `json:"total,omitempty"`
}

// The bounds of Filter.Limit.
const (
	defaultPage = 100
	maxPage     = 1000
)

// WithDefaults returns the filter with its Limit filled in.
func (f Filter) WithDefaults() Filter {
	if f.Limit == 0 {
		f.Limit = defaultPage
	}
	return f
}

// Validate returns an ErrInvalid that names every fault. It does not look at After,
// which only whoever made the page can read.
func (f Filter) Validate() error {
	var faults []error
	if f.Limit < 0 || f.Limit > maxPage {
		faults = append(faults, fault(ErrInvalid, "limit is %d: must be 1 to %d", f.Limit, maxPage))
	}
	if _, _, ok := f.idRange(); !ok {
		faults = append(faults, Advise(fault(ErrInvalid, "id prefix %q is none", clip(f.IDPrefix, 40)),
			"an id has up to 32 hex digits, and dashes where you like"))
	}
	for _, s := range f.Status {
		if !s.Valid() {
			faults = append(faults, fault(ErrInvalid, "status %q is none of ours", clip(string(s), 40)))
		}
	}
	for _, t := range f.Type {
		if !slices.Contains(commandTypes(), t) {
			faults = append(faults, fault(ErrInvalid, "type %q is none of ours", clip(string(t), 40)))
		}
	}
	return errors.Join(faults...)
}

func badAfter(text string) error {
	return fault(ErrInvalid, "after is %q: must be the next of a page before", clip(text, 64))
}

func (f Filter) hasStatus(s Status) bool { return len(f.Status) == 0 || slices.Contains(f.Status, s) }

// idDigits is how many hex digits an id has.
const idDigits = 2 * len(ID{})

// IDRange is the first and the last id, as bytes, that can begin with IDPrefix: those
// that do are all between. Of a filter that is not valid it is of no id.
func (f Filter) IDRange() (first, last ID) {
	first, last, ok := f.idRange()
	if !ok {
		return last, first
	}
	return first, last
}

func (f Filter) idRange() (first, last ID, ok bool) {
	digits := strings.ReplaceAll(f.IDPrefix, "-", "")
	room := idDigits - len(digits)
	if room < 0 {
		return ID{}, ID{1}, false
	}
	_, low := hex.Decode(first[:], []byte(digits+strings.Repeat("0", room)))
	_, high := hex.Decode(last[:], []byte(digits+strings.Repeat("f", room)))
	if low != nil || high != nil {
		return ID{}, ID{1}, false
	}
	return first, last, true
}

func (f Filter) hasID(id ID) bool {
	first, last := f.IDRange()
	return bytes.Compare(first[:], id[:]) <= 0 && bytes.Compare(id[:], last[:]) <= 0
}

// matches says whether an execution is chosen, its status aside.
func (f Filter) matches(x *Execution) bool {
	switch {
	case f.IDPrefix != "" && !f.hasID(x.ID),
		f.Source != "" && x.Metadata.Source != f.Source,
		f.ConversationID != (ID{}) && x.Metadata.ConversationID != f.ConversationID,
		len(f.Type) > 0 && !slices.Contains(f.Type, CommandType(x.Type)),
		f.Program != "" && x.Program() != f.Program,
		f.ExitCode != nil && (!x.Status.Terminal() || x.ExitCode != *f.ExitCode),
		!strings.Contains(x.Command, f.Text):
		return false
	}
	for name, value := range f.Tags {
		if have, ok := x.Metadata.Tags[name]; !ok || have != value {
			return false
		}
	}
	return within(x.AcceptedAt, f.Since, f.Until)
}

func within(t, since, until time.Time) bool {
	return !t.Before(since) && (until.IsZero() || t.Before(until))
}

// Program is the name of the program that it runs, without its folder: the first
// word of Command. Of a shell command it is the shell.
func (x Execution) Program() string {
	line := x.Command
	word, _, _ := strings.Cut(line, " ")
	if quoted, ok := strings.CutPrefix(strings.TrimPrefix(line, "$"), "'"); ok {
		word = unquoteFirst(quoted)
	}
	return word[1+strings.LastIndexAny(word, `/\`):]
}

// unquoteFirst is what stands before the quote that ends a word of quoteWord.
func unquoteFirst(text string) string {
	var word strings.Builder
	for {
		part, rest, _ := strings.Cut(text, "'")
		word.WriteString(part)
		more, ok := strings.CutPrefix(rest, `\''`)
		if !ok {
			return word.String()
		}
		word.WriteByte('\'')
		text = more
	}
}
