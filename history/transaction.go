package history

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// steps are the statements of the writer, prepared.
type steps struct {
	insert, tag, known, gone, find, last, tally, lag *sql.Stmt
	bury, untag, remove, forget                      *sql.Stmt
	labels, show                                     *sql.Stmt
	become                                           map[engine.Status]*sql.Stmt
	pass                                             map[engine.Status]*sql.Stmt // to it, over the start
	all                                              []*sql.Stmt
}

// close ends the statements. Those of a connection do not end with it, and would
// keep its files open.
func (s *steps) close() error {
	var faults []error
	for _, p := range s.all {
		faults = append(faults, p.Close())
	}
	return errors.Join(faults...)
}

func (s *steps) add(ctx context.Context, conn *sql.Conn, text string) (*sql.Stmt, error) {
	p, err := conn.PrepareContext(ctx, text)
	if err == nil {
		s.all = append(s.all, p)
	}
	return p, err
}

// statuses are all that an execution can have.
func statuses() []engine.Status {
	return []engine.Status{
		engine.Pending, engine.AwaitingApproval, engine.Running, engine.Completed, engine.Failed, engine.Cancelled,
		engine.TimedOut, engine.Rejected, engine.Lost,
	}
}

// becoming is the statement that changes an execution to a status, if it has one
// that first may follow. With the start or the end of an execution its secrets go;
// those of a plan, with its end alone.
func becoming(first, next engine.Status) string {
	var from []string
	for _, s := range statuses() {
		if s.CanBecome(first) {
			from = append(from, "'"+string(s)+"'")
		}
	}
	set := "status = '" + string(next) + "'"
	switch {
	case next.Terminal():
		set += ", started = ?2, ended = ?3, exit_code = ?4, cursor = ?5, result = ?6, whole = NULL"
	case next == engine.Running:
		set += ", started = ?2, whole = iif(type = 'plan', whole, NULL)"
	}
	return "UPDATE execution SET " + set + " WHERE id = ?1 AND status IN (" + strings.Join(from, ", ") + ")"
}

func (s *steps) prepare(ctx context.Context, conn *sql.Conn) error {
	for _, p := range []struct {
		to   **sql.Stmt
		text string
	}{
		{&s.insert, `INSERT OR IGNORE INTO execution (seq, id, status, accepted, type, program, source, conversation, digest, labels, command, request, whole)
			VALUES (?1, iif(EXISTS (SELECT 1 FROM gone WHERE id = ?2), NULL, ?2), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)`},
		{&s.tag, "INSERT INTO tag (name, value, seq) VALUES (?, ?, ?)"},
		{&s.known, "SELECT digest FROM execution WHERE id = ?"},
		{&s.gone, "SELECT 1 FROM gone WHERE id = ?"},
		{&s.find, "SELECT seq, status FROM execution WHERE id = ?"},
		{&s.last, "SELECT coalesce((SELECT max(seq) FROM execution), 0)"},
		{&s.tally, "INSERT INTO tally VALUES (?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n"},
		{&s.lag, "INSERT INTO meta VALUES ('skew', ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)"},
		{&s.bury, "INSERT OR IGNORE INTO gone (id) VALUES (?)"},
		{&s.untag, "DELETE FROM tag WHERE name = ? AND value = ? AND seq = ?"},
		{&s.remove, "DELETE FROM execution WHERE seq = ?"},
		{&s.labels, "SELECT seq, labels FROM execution WHERE id = ?"},
		{&s.show, `UPDATE execution SET program = ?2, source = ?3, labels = ?4, command = ?5, request = ?6,
			whole = iif(status IN ('pending', 'awaiting_approval') OR type = 'plan' AND status = 'running', ?7, NULL) WHERE seq = ?1`},
		{&s.forget, "DELETE FROM gone WHERE n <= (SELECT max(n) FROM gone) - ?"},
	} {
		var err error
		if *p.to, err = s.add(ctx, conn, p.text); err != nil { //nolint:sqlclosecheck // close does
			return err
		}
	}
	s.become, s.pass = make(map[engine.Status]*sql.Stmt), make(map[engine.Status]*sql.Stmt)
	for _, next := range statuses() {
		var err error
		if s.become[next], err = s.add(ctx, conn, becoming(next, next)); err != nil { //nolint:sqlclosecheck // close does
			return err
		}
		if !engine.Running.CanBecome(next) {
			continue
		}
		if s.pass[next], err = s.add(ctx, conn, becoming(engine.Running, next)); err != nil { //nolint:sqlclosecheck // close does
			return err
		}
	}
	return nil
}

// unfinished is what the tally calls those that have not ended.
const unfinished = "unfinished"

// transaction is one that has begun.
type transaction struct {
	*steps

	conn  *sql.Conn
	delta map[string]int // how many more have ended with each status, or are unfinished
	seq   int64          // the last given, 0 before the first
	skew  int64          // the most that one given is ahead of its time
}

// next is the place in the order of acceptance of what was accepted at a time.
func (t *transaction) next(ctx context.Context, accepted int64) (int64, error) {
	if t.seq == 0 {
		if err := t.last.QueryRowContext(ctx).Scan(&t.seq); err != nil {
			return 0, err
		}
	}
	t.seq = max(t.seq+1, accepted)
	t.skew = max(t.skew, t.seq-accepted)
	return t.seq, nil
}

// finish writes what all changes together have changed.
func (t *transaction) finish(ctx context.Context) error {
	if t.skew > 0 {
		if _, err := t.lag.ExecContext(ctx, t.skew); err != nil {
			return err
		}
	}
	for status, n := range t.delta {
		if n == 0 {
			continue
		}
		if _, err := t.tally.ExecContext(ctx, status, n); err != nil {
			return err
		}
	}
	return nil
}

// accept keeps a request, or returns why not as a refusal.
func (t *transaction) accept(ctx context.Context, a *row) (known bool, refusal, err error) {
	seq, err := t.next(ctx, a.accepted)
	if err != nil {
		return false, nil, err
	}
	done, err := t.insert.ExecContext(ctx, seq, a.id[:], a.status, a.accepted, a.kind, a.program, a.source,
		a.conversation, a.digest, a.labels, a.command, a.request, a.whole)
	if err != nil {
		return false, nil, err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		if err != nil {
			return false, nil, err
		}
		return t.refuse(ctx, a)
	}
	t.delta[unfinished]++
	return false, nil, t.addTags(ctx, seq, a.tags)
}

// refuse finds out why a request could not be inserted.
func (t *transaction) refuse(ctx context.Context, a *row) (known bool, refusal, err error) {
	var have []byte
	err = t.known.QueryRowContext(ctx, a.id[:]).Scan(&have)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, about(engine.ErrExpired, "%s", a.id), nil
	case err != nil:
		return false, nil, err
	case string(have) != string(a.digest):
		return false, engine.Advise(about(engine.ErrConflict, "execution %s runs something else", a.id), "use a new id for a new request"), nil
	}
	return true, nil, nil
}

// location is where an execution stands, and in its life.
type location struct {
	seq    int64
	status engine.Status
}

// locate finds an execution, or returns as a refusal why it is not there.
func (t *transaction) locate(ctx context.Context, id engine.ID) (at location, refusal, err error) {
	err = t.find.QueryRowContext(ctx, id[:]).Scan(&at.seq, &at.status)
	if !errors.Is(err, sql.ErrNoRows) {
		return at, nil, err
	}
	var one int
	err = t.gone.QueryRowContext(ctx, id[:]).Scan(&one)
	switch {
	case err == nil:
		return at, about(engine.ErrExpired, "%s", id), nil
	case errors.Is(err, sql.ErrNoRows):
		return at, about(engine.ErrNotFound, "%s", id), nil
	}
	return at, nil, err
}

// note keeps a step and the start that it is joined with, or returns as refusals why
// not.
func (t *transaction) note(ctx context.Context, s *step) (refusals []error, err error) {
	switch {
	case s.joined:
		return nil, nil
	case s.shown != nil:
		refusal, err := t.show(ctx, s.shown)
		return []error{refusal}, err
	}
	if s.start != nil {
		if done, err := t.turn(ctx, t.pass[s.Status], s); done || err != nil {
			return nil, err
		}
		if refusals, err = t.noteOne(ctx, s.start); err != nil {
			return nil, err
		}
	}
	more, err := t.noteOne(ctx, s)
	return append(refusals, more...), err
}

func (t *transaction) noteOne(ctx context.Context, s *step) (refusals []error, err error) {
	done, err := t.turn(ctx, t.become[s.Status], s)
	if done || err != nil {
		return nil, err
	}
	at, refusal, err := t.locate(ctx, s.ID)
	if refusal == nil && err == nil {
		refusal = s.Follows(at.status)
	}
	return []error{refusal}, err
}

// turn changes an execution by one of the statements that do, and reports whether that
// was possible.
func (t *transaction) turn(ctx context.Context, statement *sql.Stmt, s *step) (bool, error) {
	args := []any{s.ID[:]}
	switch {
	case s.Result != nil:
		r := s.Result
		args = append(args, nanos(r.StartedAt), nanos(r.CompletedAt), r.ExitCode, int64(r.Cursor), s.kept)
	case s.Status == engine.Running:
		args = append(args, nanos(s.At))
	}
	done, err := statement.ExecContext(ctx, args...)
	if err != nil {
		return false, err
	}
	n, err := done.RowsAffected()
	if n > 0 && s.Status.Terminal() {
		t.delta[unfinished]--
		t.delta[string(s.Status)]++
	}
	return n > 0, err
}

// nanos is a time as it is kept: nil for none.
func nanos(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixNano()
}
