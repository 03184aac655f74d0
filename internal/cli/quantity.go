package cli

import (
	"math"
	"strconv"
	"strings"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// parseDuration reads 300ms, 90s, 2m, 1h30m. A bare number is refused rather
// than guessed at: the config counts milliseconds, timeout(1) seconds.
func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	_, numberErr := strconv.ParseFloat(text, 64)
	switch {
	case numberErr == nil && text != "0":
		return 0, fault("write "+text+"s for seconds, "+text+"ms for milliseconds, "+text+"m for minutes", "%q has no unit", clip(text))
	case err != nil:
		return 0, fault("write a number and ms, s, m or h: 300ms, 90s, 2m, 1h30m", "%q is not a duration", clip(text))
	case d <= 0:
		return 0, fault("leave it out for the default", "%q is not above 0", clip(text))
	}
	return d, nil
}

// parseTimeout is parseDuration with a word for "never".
func parseTimeout(text string) (time.Duration, error) {
	if text == "none" {
		return engine.Forever, nil
	}
	d, err := parseDuration(text)
	if err != nil && d == 0 && (text == "0" || strings.HasPrefix(text, "0s")) {
		return 0, fault("none sets no limit", "%q is not above 0", clip(text))
	}
	return d, err
}

// sizeUnits are what a size may end in, longest first.
func sizeUnits() []struct {
	name  string
	bytes int64
} {
	return []struct {
		name  string
		bytes int64
	}{
		{"KiB", 1 << 10},
		{"MiB", 1 << 20},
		{"GiB", 1 << 30},
		{"TiB", 1 << 40},
		{"kB", 1e3},
		{"KB", 1e3},
		{"MB", 1e6},
		{"GB", 1e9},
		{"TB", 1e12},
		{"B", 1},
		{"", 1},
	}
}

const sizeHint = "write 64KiB, 10MB or 1GiB; a plain number counts bytes"

// parseSize reads 64KiB (1024), 10MB (1000), 512B, 4096. A bare K, M or G is
// refused: it means 1000 to some and 1024 to others.
func parseSize(text string) (int64, error) {
	for _, unit := range sizeUnits() {
		number, ok := strings.CutSuffix(text, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(number, 10, 64)
		switch {
		case err != nil:
			return 0, fault(sizeHint, "%q is not a size", clip(text))
		case n <= 0:
			return 0, fault("leave it out for the default", "%q is not above 0", clip(text))
		case n > math.MaxInt64/unit.bytes:
			return 0, fault(sizeHint, "%q is too large", clip(text))
		}
		return n * unit.bytes, nil
	}
	return 0, fault(sizeHint, "%q is not a size", clip(text))
}

// clip keeps a text that a stranger wrote short enough for a message.
func clip(text string) string {
	const longest = 64
	if len(text) <= longest {
		return text
	}
	return text[:longest] + "…"
}
