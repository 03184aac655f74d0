package history

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	engine "github.com/escher-dbai/cloudops-engine"
)

// List returns executions that match. See engine.Store.
func (s *Store) List(ctx context.Context, f engine.Filter) (engine.Page, error) {
	if err := f.Validate(); err != nil {
		return engine.Page{}, err
	}
	f = f.WithDefaults()
	p := engine.Page{Executions: []engine.Execution{}}
	q, err := s.query(ctx, &f)
	if err != nil {
		return p, err
	}
	after, ok := placeAfter(&f)
	if !ok {
		return p, about(engine.ErrInvalid, "after is %.64q: must be the next of a page before", f.After)
	}
	text, args := q.page(after, &f)
	var last int64
	err = s.each(ctx, text, args, func(rows *sql.Rows) error {
		seq, x, err := readExecution(rows.Scan)
		if len(p.Executions) == f.Limit {
			p.Next = strconv.FormatInt(last, 36)
			return err
		}
		p.Executions, last = append(p.Executions, x), seq
		return err
	})
	if err != nil {
		return engine.Page{}, s.failed("list", err)
	}
	if f.Total {
		p.Total, err = s.total(ctx, &f, q)
	}
	return p, err
}

// placeAfter reads Filter.After; 0 is before everything.
func placeAfter(f *engine.Filter) (seq int64, ok bool) {
	if f.After == "" {
		return 0, true
	}
	seq, err := strconv.ParseInt(f.After, 36, 64)
	return seq, err == nil && seq > 0
}

func (s *Store) each(ctx context.Context, text string, args []any, f func(*sql.Rows) error) error {
	rows, err := s.db.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// total counts what matches. What is asked for most is counted already: all, and how
// many have ended in one way.
func (s *Store) total(ctx context.Context, f *engine.Filter, q *query) (total int, err error) {
	text, args := q.count()
	switch {
	case len(q.terms) == 0:
		text, args = "SELECT coalesce(sum(n), 0) FROM tally", nil
	case len(q.terms) == 1 && len(f.Status) > 0:
		var open []engine.Status
		text, args = "SELECT coalesce(sum(n), 0) FROM tally WHERE status IN ("+marks(len(f.Status))+")", anys(f.Status)
		for _, status := range f.Status {
			if !status.Terminal() {
				open = append(open, status)
			}
		}
		if len(open) > 0 {
			more, moreArgs := (&query{terms: []term{statusTerm(open)}}).count()
			text, args = "SELECT ("+text+") + ("+more+")", append(args, moreArgs...)
		}
	}
	if err = s.db.QueryRowContext(ctx, text, args...).Scan(&total); err != nil {
		return 0, s.failed("count", err)
	}
	return total, nil
}

// query is a filter in terms of which one leads: the others are tested on what it
// finds by its index. Left to itself SQLite takes one index or another without
// knowing how many rows are behind it.
type query struct {
	terms []term
	lead  int // -1: the executions themselves, by their order
}

// query works out the terms of a filter, and which one is the rarest.
func (s *Store) query(ctx context.Context, f *engine.Filter) (*query, error) {
	skew := int64(0)
	if !f.Until.IsZero() {
		err := s.db.QueryRowContext(ctx, "SELECT coalesce((SELECT value FROM meta WHERE name = 'skew'), 0)").Scan(&skew)
		if err != nil {
			return nil, s.failed("list", err)
		}
	}
	q := &query{terms: termsOf(f, skew), lead: -1}
	least := 0
	var able []int
	for i := range q.terms {
		if q.terms[i].text {
			var err error
			if q.terms[i].ways, err = s.textWays(ctx, f); err != nil {
				return nil, err
			}
		}
		if len(q.terms[i].ways) > 0 {
			able = append(able, i)
		}
	}
	for _, i := range able {
		n := 0
		sorts := q.terms[i].sorts
		if len(able) > 1 || sorts {
			var err error
			if n, err = s.probe(ctx, &q.terms[i]); err != nil {
				return nil, err
			}
		}
		if sorts && n == probeMost {
			continue
		}
		if q.lead < 0 || n < least {
			q.lead, least = i, n
		}
	}
	return q, nil
}

// probeMost is how far rows are counted to find the rarest term.
const probeMost = 2000

func (s *Store) probe(ctx context.Context, t *term) (int, error) {
	all := 0
	for _, w := range t.ways {
		n := 0
		text := fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM %s WHERE %s LIMIT %d)", w.index, w.cond, probeMost) //nolint:gosec // of our own parts; values are arguments
		if err := s.db.QueryRowContext(ctx, text, w.args...).Scan(&n); err != nil {
			return 0, s.failed("list", err)
		}
		all += n
	}
	return all, nil
}

// page is the statement for the first that match and stand behind a place.
func (q *query) page(after int64, f *engine.Filter) (string, []any) {
	order, beyond := "DESC", "<"
	if f.Oldest {
		order, beyond = "ASC", ">"
	}
	found, args := q.each(func(from way) (string, []any) {
		text := fmt.Sprintf("SELECT e.seq FROM %s WHERE %s", from.rows, from.cond)
		all := from.args
		if after != 0 {
			text, all = text+fmt.Sprintf(" AND %s %s ?", from.seq, beyond), append(all, after)
		}
		if from.blocks { // of the last block only some: the first of the page are in those before
			return text + " LIMIT ?", append(all, f.Limit+1+textBlock)
		}
		return text + fmt.Sprintf(" ORDER BY %s %s LIMIT ?", from.seq, order), append(all, f.Limit+1)
	})
	text := fmt.Sprintf("SELECT %s FROM execution e WHERE e.seq IN (%s) ORDER BY e.seq %s LIMIT ?", shown, found, order)
	return text, append(args, f.Limit+1)
}

// count is the statement that counts what matches.
func (q *query) count() (string, []any) {
	found, args := q.each(func(from way) (string, []any) {
		return fmt.Sprintf("SELECT count(*) AS n FROM %s WHERE %s", from.rows, from.cond), from.args
	})
	return "SELECT sum(n) FROM (" + found + ")", args
}

// each joins a statement for every way in which the leading term is found. No
// execution is found in two of them.
func (q *query) each(statement func(from way) (string, []any)) (string, []any) {
	ways := []way{{rows: "execution e NOT INDEXED", seq: "e.seq", cond: "true"}}
	if q.lead >= 0 {
		ways = q.terms[q.lead].ways
	}
	var parts []string
	var args []any
	for _, w := range ways {
		from := way{rows: w.rows, seq: w.seq, cond: w.cond, blocks: w.blocks, args: append([]any(nil), w.args...)}
		for i := range q.terms {
			if i != q.lead || q.terms[i].more {
				from.cond += " AND " + strings.ReplaceAll(q.terms[i].cond, "@seq", w.seq)
				from.args = append(from.args, q.terms[i].args...)
			}
		}
		text, more := statement(from)
		parts, args = append(parts, "SELECT * FROM ("+text+")"), append(args, more...)
	}
	return strings.Join(parts, " UNION ALL "), args
}
