package history

import (
	"context"
	"database/sql"
	"slices"
	"strconv"

	engine "github.com/escher-dbai/cloudops-engine"
)

// hashesMost is how many hashes of a text are looked up: more find hardly less.
const hashesMost = 16

// textWays are the ways to find a text, none where it is too short, or so frequent that
// walking finds it soon.
func (s *Store) textWays(ctx context.Context, f *engine.Filter) ([]way, error) {
	var hashes []int
	for i := 0; i+3 <= len(f.Text) && len(hashes) < hashesMost; i++ {
		if h := hash3(f.Text[i : i+3]); !slices.Contains(hashes, h) {
			hashes = append(hashes, h)
		}
	}
	if len(hashes) == 0 {
		return nil, nil
	}
	found, err := s.parts(ctx)
	for _, h := range hashes {
		if err == nil && len(found) > 0 {
			err = s.narrow(ctx, found, h)
		}
	}
	if err != nil {
		return nil, s.failed("find text", err)
	}
	ranges, all := rangesOf(found)
	if len(found) == 0 || len(ranges) > all/2 {
		return nil, nil
	}
	tail := way{
		rows: "execution e NOT INDEXED", index: "execution e", seq: "e.seq",
		cond: "e.seq > ?", args: []any{found[len(found)-1].last},
	}
	return []way{tail, blocksWay(ranges, f.Oldest)}, nil
}

// blocksWay finds what is in some blocks, from the end where the page begins.
func blocksWay(ranges [][2]int64, oldest bool) way {
	if !oldest {
		slices.Reverse(ranges)
	}
	list := []byte("[")
	for i, r := range ranges {
		if i > 0 {
			list = append(list, ',')
		}
		list = strconv.AppendInt(append(list, '['), r[0], 10)
		list = strconv.AppendInt(append(list, ','), r[1], 10)
		list = append(list, ']')
	}
	rows := "json_each(?) r CROSS JOIN execution e NOT INDEXED ON e.seq BETWEEN r.value ->> 0 AND r.value ->> 1"
	return way{rows: rows, index: rows, seq: "e.seq", cond: "true", args: []any{string(append(list, ']'))}, blocks: true}
}

// candidates are the blocks of a part that may have a text.
type candidates struct {
	last           int64
	starts, always []byte
	bits           []byte // those that may, by the hashes until now
}

// parts are all parts, the oldest first, with all of their blocks.
func (s *Store) parts(ctx context.Context) (all []candidates, err error) {
	err = s.each(ctx, "SELECT last, starts, always FROM text_part ORDER BY last", nil, func(rows *sql.Rows) error {
		var c candidates
		err := rows.Scan(&c.last, &c.starts, &c.always)
		c.bits = make([]byte, len(c.always))
		for i := range c.bits {
			c.bits[i] = 0xff
		}
		all = append(all, c)
		return err
	})
	return all, err
}

// narrow leaves only the blocks that have a hash.
func (s *Store) narrow(ctx context.Context, all []candidates, hash int) error {
	has := make(map[int64][]byte, len(all))
	text := "SELECT last, substr(bits, 1 + ? * (length(bits) / ?), length(bits) / ?) FROM text_bits WHERE bucket = ?"
	err := s.each(ctx, text, []any{hash % textBucket, textBucket, textBucket, hash / textBucket}, func(rows *sql.Rows) error {
		var last int64
		var bits []byte
		err := rows.Scan(&last, &bits)
		has[last] = bits
		return err
	})
	for _, c := range all {
		bits := has[c.last]
		for i := range c.bits {
			if i >= len(bits) {
				c.bits[i] = 0
			} else {
				c.bits[i] &= bits[i]
			}
		}
	}
	return err
}

// rangesOf are the bounds of the blocks that may have the text, by their order, and how
// many blocks there are.
func rangesOf(found []candidates) (ranges [][2]int64, all int) {
	for _, c := range found {
		blocks := len(c.starts) / 8
		all += blocks
		for block := range blocks {
			if (c.bits[block/8]|c.always[block/8])&(1<<(block%8)) != 0 {
				ranges = append(ranges, [2]int64{startOf(c.starts, block), endOf(c.starts, block, c.last)})
			}
		}
	}
	return ranges, all
}
