package folder

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"time"
)

const (
	// version is what this program writes, oldestReader the version that understands it.
	version      = 1
	oldestReader = 1
)

//nolint:gochecknoglobals // made once; never written
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// document is a file of JSON that knows whether it is whole.
type document struct {
	Version      int             `json:"version"`
	OldestReader int             `json:"oldest_reader"`
	WrittenAt    time.Time       `json:"written_at"`
	Checksum     string          `json:"checksum"`
	Content      json.RawMessage `json:"content"`
}

// sum is the checksum of all but itself.
func (d *document) sum() string {
	head := fmt.Sprintf("%d %d %d\n", d.Version, d.OldestReader, d.WrittenAt.UnixNano())
	return fmt.Sprintf("%08x", crc32.Update(crc32.Checksum([]byte(head), castagnoli), castagnoli, d.Content))
}

// encode makes a document of a value, at a time.
func encode(v any, now time.Time) ([]byte, error) {
	content, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := document{Version: version, OldestReader: oldestReader, WrittenAt: now.UTC(), Content: content}
	d.Checksum = d.sum()
	p, err := json.Marshal(d)
	return append(p, '\n'), err
}

// decode reads a document, its content into v where v is not nil.
func decode(p []byte, v any) (*document, error) {
	var d document
	switch err := json.Unmarshal(p, &d); {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	case d.Checksum != d.sum():
		return nil, fmt.Errorf("%w: its checksum is another", ErrDamaged)
	case d.OldestReader > version:
		return nil, fmt.Errorf("%w: it needs one that reads version %d, this one reads %d", ErrVersion, d.OldestReader, version)
	case v == nil:
		return &d, nil
	}
	return &d, json.Unmarshal(d.Content, v)
}
