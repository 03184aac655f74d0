package cli

import (
	"io"
	"log/slog"
	"time"

	"github.com/lmittmann/tint"
)

// logger is the log of a daemon, as its settings have it. Its level may change while it is
// used. Text is for people: with colours at a terminal, in one line each elsewhere.
func logger(w io.Writer, format string, colour bool, level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	switch {
	case format == "json":
		return slog.New(slog.NewJSONHandler(w, options))
	case format != "text" && isTerminal(w):
		return slog.New(tint.NewTextHandler(w, &tint.Options{Level: level, TimeFormat: time.TimeOnly, NoColor: !colour}))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// setLevel has the log say what a level asks for; empty is info.
func (c *serveCommand) setLevel(name string) {
	var level slog.Level
	if level.UnmarshalText([]byte(name)) != nil {
		level = slog.LevelInfo
	}
	c.level.Set(level)
}
