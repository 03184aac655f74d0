package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// Report says what was found when a history was opened. The zero value: nothing
// that anybody needs to hear of.
type Report struct {
	// SetAside is where a damaged history was moved, "" if there was none. A new,
	// empty one took its place.
	SetAside string
	// Damage says what was wrong with it.
	Damage string
	// MigratedFrom is the version of the schema before, 0 if nothing was migrated.
	MigratedFrom int
	// KeyLost says that the key was not the one of this history any more: requests
	// that wait for their start have lost their secrets, and ids that are there
	// conflict whatever their content.
	KeyLost bool
}

// Store is an engine.Store in a SQLite database. Make it with [Open].
type Store struct {
	dir    string
	db     *sql.DB
	keys   *keys
	lock   *lock
	writer *writer
	report Report

	textPart int // see there; tests have shorter ones
}

var _ engine.BatchStore = (*Store)(nil)

const (
	busyTimeout = 10 * time.Second // for other programs that write
	readers     = 4
)

// Open opens the history in a directory, which is made where there is none. One
// that is damaged is set aside, and the Report says so. Errors: ErrUnsafe,
// ErrForeign, ErrNewer, ErrInUse, ErrDamaged where it cannot be set aside because
// others have it open, the system's.
func Open(ctx context.Context, dir string, c Config) (*Store, error) {
	synchronous, err := c.synchronous()
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if err := preparePlace(dir); err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	s := &Store{dir: dir, textPart: textPart}
	if s.lock, err = takeLock(ctx, dir); err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	if err := s.open(ctx, synchronous); err != nil {
		if s.db != nil {
			err = errors.Join(err, s.db.Close())
		}
		return nil, fmt.Errorf("open history: %w", errors.Join(err, s.lock.release()))
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, synchronous string) (err error) {
	path := filepath.Join(s.dir, databaseName)
	if s.lock.alone {
		if err := s.settle(ctx, path); err != nil {
			return err
		}
	}
	var made bool
	if s.keys, made, err = loadKeys(s.dir, s.lock.alone); err != nil {
		return err
	}
	if s.db, err = connect(path, pragmas(synchronous)); err != nil {
		return err
	}
	if s.lock.alone {
		if err := s.prove(ctx, made); err != nil {
			return err
		}
		if err := s.lock.share(ctx); err != nil {
			return err
		}
	}
	i, err := identify(ctx, s.db)
	switch {
	case err != nil:
		return broken("read "+path, err)
	case i.version < schemaVersion:
		return engine.Advise(fmt.Errorf("%w: %s has schema %d and must become %d", ErrInUse, path, i.version, schemaVersion),
			"close every program that has the history open, so that it can be migrated")
	}
	if err := i.check(path); err != nil {
		return err
	}
	s.writer, err = newWriter(ctx, s.db, s.dir, lifecycle.New())
	return err
}

// settle has a whole history of the present version at path, alone. What is
// damaged is set aside first.
func (s *Store) settle(ctx context.Context, path string) error {
	if err := setOrphansAside(path); err != nil {
		return err
	}
	for {
		if err := createFile(path); err != nil {
			return err
		}
		damage, err := s.tryMigrate(ctx, path)
		if damage == nil || err != nil {
			return err
		}
		if s.report.SetAside != "" {
			return fmt.Errorf("%w: the new one too: %w", ErrDamaged, damage)
		}
		s.report.Damage = damage.Error()
		if s.report.SetAside, err = setAside(path); err != nil {
			return err
		}
	}
}

// tryMigrate checks and migrates a database. Damage is what is wrong with it.
func (s *Store) tryMigrate(ctx context.Context, path string) (damage, err error) {
	i, err := inspect(ctx, path)
	if err == nil {
		if err := i.check(path); err != nil {
			return nil, err
		}
		damage, err = s.bring(ctx, path, i)
	}
	if isDamage(err) {
		return err, nil
	}
	return damage, broken("open "+path, err)
}

// inspect reads what a database says it is, and changes nothing: it may be somebody
// else's.
func inspect(ctx context.Context, path string) (i identity, err error) {
	db, err := connect(path, nil)
	if err != nil {
		return i, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return identify(ctx, db)
}

// bring checks a database of ours and brings it to the present version.
func (s *Store) bring(ctx context.Context, path string, i identity) (damage, err error) {
	settings := pragmas("FULL")
	if i == (identity{}) { // before there is a table, and not later: it writes each time
		settings = append([]string{"auto_vacuum(INCREMENTAL)"}, settings...)
	}
	db, err := connect(path, settings)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if damage, err = lookOver(ctx, db, path); damage != nil || err != nil || i.version == schemaVersion {
		return damage, err
	}
	s.report.MigratedFrom = i.version
	return nil, migrate(ctx, db, i.version)
}

// prove finds out whether the key is the one of this history.
func (s *Store) prove(ctx context.Context, made bool) error {
	var have []byte
	err := s.db.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = 'key'").Scan(&have)
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return broken("read the proof of the key", err)
	case !made && string(have) == string(s.keys.proof()):
		return nil
	default:
		s.report.KeyLost = true
	}
	_, err = s.db.ExecContext(ctx, "INSERT INTO meta VALUES ('key', ?) ON CONFLICT DO UPDATE SET value = excluded.value", s.keys.proof())
	return broken("write the proof of the key", err)
}

// pragmas are the settings of our connections.
func pragmas(synchronous string) []string {
	return []string{
		"journal_mode(WAL)", "synchronous(" + synchronous + ")",
		"fullfsync(ON)", "checkpoint_fullfsync(ON)", // macOS: a sync alone does not reach the disk
		"secure_delete(ON)", "cell_size_check(ON)", "trusted_schema(OFF)",
		"temp_store(MEMORY)", "cache_size(-8000)", "journal_size_limit(67108864)",
	}
}

// connect makes a pool of connections. It does not touch the file yet.
func connect(path string, settings []string) (*sql.DB, error) {
	settings = append([]string{fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds())}, settings...)
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: url.Values{
		"_pragma": settings, "_txlock": {"immediate"}, "mode": {"rw"},
	}.Encode()}
	if filepath.VolumeName(path) != "" {
		u.Path = "/" + u.Path
	}
	connector, err := sqlite.NewConnector(u.String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(readers + 1) // and the writer's
	db.SetMaxIdleConns(readers + 1)
	return db, nil
}

// Report says what was found at Open.
func (s *Store) Report() Report { return s.report }

// Close ends what was begun, and closes the history. Calls after it, and those
// that it overtook, return engine.ErrClosed.
func (s *Store) Close() error {
	first, err := s.writer.close()
	if !first {
		return nil
	}
	return errors.Join(broken("close the history", errors.Join(err, s.db.Close())), s.lock.release())
}

// Check reads all of the history, and returns an ErrDamaged that says what is
// wrong with it. Others may go on meanwhile. It takes about two seconds for each
// gigabyte.
func (s *Store) Check(ctx context.Context) error {
	damage, err := checkWhole(ctx, s.db)
	if damage != nil {
		markSuspect(s.dir)
		return fmt.Errorf("%w: %w", ErrDamaged, damage)
	}
	return broken("check the history", err)
}

// exists tells whether there is something at a path.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
