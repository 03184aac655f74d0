// Package history is an engine.Store in a SQLite database: what was accepted, in what
// order, and what became of it, for as long as a directory is kept.
//
//	s, err := history.Open(ctx, dir, history.Config{})
//	if s.Report().SetAside != "" { … tell somebody … }
//	defer s.Close()
//
// The directory has history.db with its log and index (-wal, -shm), history.key and
// history.lock. Several programs may have it open at the same time.
//
// Guarantees:
//
//  1. What Accept, Note and Delete have acknowledged is there after kill -9, and with
//     PowerLoss, the default, after a loss of power, as far as the disk keeps what it
//     says it has synced. Calls that come at the same time share one sync.
//  2. Whatever ends the program, and when: the history opens again, whole. Nothing is
//     there twice or by half.
//  3. An ending is final. Of those that meet, the first is kept.
//  4. A request with secrets is encrypted under history.key (AES-256-GCM) until its
//     execution starts or ends, then it is overwritten; what is kept has none.
//     A digest does not tell what it is of without the key.
//  5. Nobody but the owner can look into the files, or they are refused: directories
//     0700, files 0600, no symbolic links, no network file system.
//  6. A damaged database is set aside under another name, never deleted nor repaired
//     in silence, and a new one takes its place; Report says so. Small ones are read
//     whole at each opening, those up to 64 MiB once a day, larger ones after something
//     wrong was read; and any by Check.
//  7. A database of a later version, or of another program, is refused and not changed.
//     One of an earlier version is migrated, in one transaction, while nobody else has
//     it open.
//  8. What is opened, listed and read takes no longer for a million records than for a
//     thousand, but for filters that SQLite has to look for row by row: a Filter.Text
//     alone of one or two bytes that is rare, or among what no Delete with an age, a count
//     or a size has been called for since; and several filters of which each matches much
//     and all together little.
//
// Not promised: that bytes of an encrypted request are gone from the disk at once, for
// they may stay in the log until SQLite writes over it; a changed byte inside a value
// is not noticed, only a broken page, row or index; a network file system below FUSE
// is not recognised. On Windows owners and modes are not checked, and one program at a
// time has a history open.
package history
