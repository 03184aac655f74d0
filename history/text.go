package history

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"

	engine "github.com/escher-dbai/cloudops-engine"
)

const (
	// textPart is how many executions a part has, which is also how long the tail may be
	// that is looked through row by row.
	textPart = 1 << 14
	// textBlock is how many of them stand or fall together.
	textBlock = 32
	// textHashes is how many hashes there are of three bytes: enough that a block has few
	// of them.
	textHashes = 1 << 13
	// textBucket is how many hashes share a row: SQLite keeps one of 512 bytes in its page.
	textBucket = 8
)

// hash3 is the hash of three bytes.
func hash3(text string) int {
	return int((uint32(text[0])<<16 | uint32(text[1])<<8 | uint32(text[2])) * 2654435761 >> 19)
}

// part is what finds text in executions that follow one another. It takes a twentieth of
// their room, and is made in the background: at an insert it costs nothing.
type part struct {
	after, last  int64 // it begins behind after
	rows, width  int   // how many it has; bytes for a bit for each of its blocks
	starts       []byte
	always, bits []byte
}

func newPart(after int64, size int) *part {
	width := size / textBlock / 8
	return &part{after: after, width: width, always: make([]byte, width), bits: make([]byte, width*textHashes)}
}

// add adds the next execution.
func (p *part) add(seq int64, status engine.Status, command string) {
	block := p.rows / textBlock
	at, bit := block/8, byte(1)<<(block%8)
	if p.rows%textBlock == 0 {
		p.starts = binary.BigEndian.AppendUint64(p.starts, uint64(seq))
	}
	for i := range max(len(command)-2, 0) {
		p.bits[hash3(command[i:i+3])*p.width+at] |= bit
	}
	if !status.Terminal() { // it may have secrets yet that somebody takes out
		p.always[at] |= bit
	}
	p.last = seq
	p.rows++
}

// makeParts makes what finds text of the executions that have none yet, where there are
// enough.
func (s *Store) makeParts(ctx context.Context) error {
	for {
		p, err := s.nextPart(ctx)
		if err != nil {
			return s.failed("make what finds text", err)
		}
		if p.rows < s.textPart {
			return nil
		}
		if err := s.writer.change(ctx, func(ctx context.Context, t *transaction) error { return t.addPart(ctx, p) }); err != nil {
			return err
		}
	}
}

// nextPart is the next part, as far as there is one.
func (s *Store) nextPart(ctx context.Context) (*part, error) {
	var after int64
	if err := s.db.QueryRowContext(ctx, "SELECT coalesce(max(last), -1) FROM text_part").Scan(&after); err != nil {
		return nil, err
	}
	p := newPart(after, s.textPart)
	text := "SELECT seq, status, command FROM execution WHERE seq > ? ORDER BY seq LIMIT ?"
	err := s.each(ctx, text, []any{after, s.textPart}, func(rows *sql.Rows) error {
		var seq int64
		var status engine.Status
		var command string
		err := rows.Scan(&seq, &status, &command)
		p.add(seq, status, command)
		return err
	})
	return p, err
}

// addPart keeps a part, unless somebody has made it meanwhile.
func (t *transaction) addPart(ctx context.Context, p *part) error {
	done, err := t.conn.ExecContext(ctx, "INSERT INTO text_part SELECT ?1, ?2, ?3 WHERE coalesce((SELECT max(last) FROM text_part), -1) = ?4",
		p.last, p.starts, p.always, p.after)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); n == 0 || err != nil {
		return err
	}
	insert, err := t.conn.PrepareContext(ctx, "INSERT INTO text_bits VALUES (?, ?, ?)")
	if err != nil {
		return err
	}
	defer func() { _ = insert.Close() }()
	size := textBucket * p.width
	nothing := make([]byte, size)
	for bucket := 0; bucket < textHashes/textBucket && err == nil; bucket++ {
		if bits := p.bits[bucket*size : (bucket+1)*size]; !bytes.Equal(bits, nothing) {
			_, err = insert.ExecContext(ctx, bucket, p.last, bits)
		}
	}
	return err
}

// doubt has the block of an execution always looked at: its command was replaced.
func (t *transaction) doubt(ctx context.Context, seq int64) error {
	var last int64
	var starts, always []byte
	err := t.conn.QueryRowContext(ctx, "SELECT last, starts, always FROM text_part WHERE last >= ? ORDER BY last LIMIT 1", seq).
		Scan(&last, &starts, &always)
	if errors.Is(err, sql.ErrNoRows) { // it is in the tail
		return nil
	}
	if err != nil {
		return err
	}
	for i := range always {
		for bit := range 8 {
			if block := i*8 + bit; 8*block < len(starts) && startOf(starts, block) <= seq && seq <= endOf(starts, block, last) {
				always[i] |= 1 << bit
			}
		}
	}
	_, err = t.conn.ExecContext(ctx, "UPDATE text_part SET always = ? WHERE last = ?", always, last)
	return err
}

// dropPart forgets one part of which no execution is left, and reports whether there was one.
func (t *transaction) dropPart(ctx context.Context) (bool, error) {
	var last int64
	err := t.conn.QueryRowContext(ctx, "SELECT last FROM text_part WHERE last < (SELECT min(seq) FROM execution) LIMIT 1").Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	remove, err := t.conn.PrepareContext(ctx, "DELETE FROM text_bits WHERE bucket = ? AND last = ?")
	if err != nil {
		return false, err
	}
	defer func() { _ = remove.Close() }()
	for bucket := 0; bucket < textHashes/textBucket && err == nil; bucket++ {
		_, err = remove.ExecContext(ctx, bucket, last)
	}
	if err == nil {
		_, err = t.conn.ExecContext(ctx, "DELETE FROM text_part WHERE last = ?", last)
	}
	return true, err
}

// startOf and endOf bound the seq of a block.
func startOf(starts []byte, block int) int64 {
	return int64(binary.BigEndian.Uint64(starts[8*block:]))
}

func endOf(starts []byte, block int, last int64) int64 {
	if 8*(block+1) < len(starts) {
		return startOf(starts, block+1) - 1
	}
	return last
}
