package history

import (
	"context"
	"database/sql"
	"embed"
	"fmt"

	engine "github.com/escher-dbai/cloudops-engine"
)

//go:embed schema/*.sql
var schemas embed.FS

const (
	// schemaVersion is the number of the last file in schema. A change of what stands
	// in the JSON columns that a program of the version before cannot read needs a
	// new number as well.
	schemaVersion = 2
	// applicationID marks a database as a history: "CEEH".
	applicationID = 0x43454548
)

// identity is what a database says it is.
type identity struct {
	application, version int
	tables               int
}

func identify(ctx context.Context, db *sql.DB) (i identity, err error) {
	if err = db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&i.application); err != nil {
		return i, err
	}
	if err = db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&i.version); err != nil {
		return i, err
	}
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&i.tables)
	return i, err
}

// check refuses a database that is not a history, or of a later version.
func (i identity) check(path string) error {
	switch {
	case i == identity{}: // new
		return nil
	case i.application != applicationID:
		return engine.Advise(fmt.Errorf("%w: %s belongs to another program", ErrForeign, path), "use another directory")
	case i.version > schemaVersion:
		return engine.Advise(fmt.Errorf("%w: %s has schema %d, this program knows %d", ErrNewer, path, i.version, schemaVersion),
			"upgrade this program; nothing was changed")
	}
	return nil
}

// migrate brings a database to the present version, in one transaction.
func migrate(ctx context.Context, db *sql.DB, from int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	for v := from + 1; v <= schemaVersion; v++ {
		step, err := schemas.ReadFile(fmt.Sprintf("schema/%03d.sql", v))
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, string(step)); err != nil {
			return fmt.Errorf("schema %d: %w", v, err)
		}
	}
	_, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, schemaVersion))
	if err != nil {
		return err
	}
	return tx.Commit()
}
