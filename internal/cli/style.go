package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

// style colours words, or leaves them alone.
type style struct{ colour bool }

func (s style) red(text string) string    { return s.paint("1;31", text) }
func (s style) yellow(text string) string { return s.paint("33", text) }
func (s style) green(text string) string  { return s.paint("32", text) }
func (s style) cyan(text string) string   { return s.paint("36", text) }

func (s style) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// styleOf is the style for one stream: colour on a terminal, unless the
// environment says otherwise.
func styleOf(w io.Writer, never bool) style {
	switch {
	case never, os.Getenv("NO_COLOR") != "":
		return style{}
	case on("FORCE_COLOR"), on("CLICOLOR_FORCE"):
		return style{colour: true}
	case os.Getenv("TERM") == "dumb":
		return style{}
	}
	return style{colour: isTerminal(w)}
}

func on(name string) bool {
	value := os.Getenv(name)
	return value != "" && value != "0"
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
