package history

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// checkedAlways is how large a history may be to be checked from end to end whenever
	// it is opened: that takes a millisecond.
	checkedAlways = 256 << 10
	// checkedDaily is how large it may be to be so once a day: 64 MiB take a third of a
	// second, which not every program of a moment is to pay.
	checkedDaily = 64 << 20
	checkedFor   = 24 * time.Hour
)

// lookOver checks a database as far as there is time for when it is opened: whole where
// it is small, was not for a day, or where something in it was found wrong.
func lookOver(ctx context.Context, db *sql.DB, path string) (damage, err error) {
	dir := filepath.Dir(path)
	at, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	suspect := exists(filepath.Join(dir, suspectName))
	if !suspect && at.Size() > checkedAlways && (at.Size() > checkedDaily || checkedOf(dir)) {
		return nil, nil
	}
	if damage, err = checkWhole(ctx, db); err != nil || damage != nil {
		return damage, err
	}
	if suspect {
		err = os.Remove(filepath.Join(dir, suspectName))
	}
	now := time.Now()
	return nil, errors.Join(err, os.Chtimes(filepath.Join(dir, lockName), now, now))
}

// checkedOf reports whether a history was checked whole, or made, in the last day: when,
// is the time of its lock.
func checkedOf(dir string) bool {
	at, err := os.Stat(filepath.Join(dir, lockName))
	if err != nil {
		return false
	}
	since := time.Since(at.ModTime())
	return since >= 0 && since < checkedFor // and not in the future, where the clock was wrong
}

// checkWhole reads every page and every index.
func checkWhole(ctx context.Context, db *sql.DB) (damage, err error) {
	rows, err := db.QueryContext(ctx, "PRAGMA integrity_check(5)")
	if err == nil {
		defer func() { _ = rows.Close() }()
		var faults []string
		for rows.Next() {
			var fault string
			if err := rows.Scan(&fault); err != nil {
				return nil, err
			}
			faults = append(faults, fault)
		}
		if err = rows.Err(); err == nil && (len(faults) != 1 || faults[0] != "ok") {
			return errors.New(strings.Join(faults, "; ")), nil
		}
	}
	if isDamage(err) {
		return err, nil
	}
	return nil, err
}

// markSuspect has the next to open the history alone check it whole.
func markSuspect(dir string) {
	_ = os.WriteFile(filepath.Join(dir, suspectName), nil, 0o600) // without it the check comes when the damage is met again
}

// setAside moves a damaged database out of the way, with what belongs to it.
func setAside(path string) (string, error) {
	to := asideName(path)
	if err := os.Rename(path, to); err != nil {
		return "", err
	}
	if err := moveRest(path, to); err != nil {
		return "", err
	}
	_ = os.Remove(filepath.Join(filepath.Dir(path), suspectName)) // the new one is not suspect; a check too many does no harm
	return to, syncDir(filepath.Dir(path))
}

// setOrphansAside moves away the log of a database that is not there: a new
// database must not take it for its own.
func setOrphansAside(path string) error {
	if exists(path) {
		return nil
	}
	return moveRest(path, asideName(path))
}

func moveRest(path, to string) error {
	for _, suffix := range []string{"-wal", "-shm"} {
		if !exists(path + suffix) {
			continue
		}
		if err := os.Rename(path+suffix, to+suffix); err != nil {
			return err
		}
	}
	return nil
}

// asideName is a name that nothing has yet.
func asideName(path string) string {
	name := path + ".damaged-" + time.Now().UTC().Format("20060102T150405.000000Z")
	for exists(name) {
		name += "x"
	}
	return name
}
