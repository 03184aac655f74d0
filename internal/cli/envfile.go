package cli

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// readEnvFile reads the variables of a file; the last of a name wins. A line is
// NAME=VALUE: the value goes to the end of the line as it stands, but for one
// pair of quotes around all of it. Empty lines, lines that begin with # and a
// leading "export" are passed over; nothing is expanded.
//
// Errors name the line and never show it: what is not understood may be half of
// a secret.
func readEnvFile(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	env := map[string]string{}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	for i, line := range strings.Split(string(data), "\n") {
		name, value, err := envLine(strings.TrimSuffix(line, "\r"))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
		}
		if name != "" {
			env[name] = value
		}
	}
	return env, nil
}

// envLine reads one line; an empty name says that nothing stands on it.
func envLine(line string) (name, value string, err error) {
	line = strings.TrimLeft(line, " \t")
	if strings.TrimRight(line, " \t") == "" || line[0] == '#' {
		return "", "", nil
	}
	line = strings.TrimPrefix(line, "export ")
	name, value, ok := strings.Cut(line, "=")
	name = strings.TrimLeft(name, " \t")
	switch {
	case !ok:
		return "", "", fault("a line is NAME=VALUE, a comment begins with #", "there is no = in it")
	case name == "":
		return "", "", fault("a line is NAME=VALUE", "there is no name before the =")
	case strings.ContainsAny(name, " \t\"'"):
		return "", "", fault("a line is NAME=VALUE, without spaces around the =", "the name has a space or a quote in it")
	case strings.ContainsRune(line, 0):
		return "", "", fault("", "there is a NUL byte in it")
	}
	value, err = unquote(value)
	return name, value, err
}

func unquote(value string) (string, error) {
	if value == "" || value[0] != '"' && value[0] != '\'' {
		return value, nil
	}
	trimmed := strings.TrimRight(value, " \t")
	if len(trimmed) < 2 || trimmed[len(trimmed)-1] != value[0] {
		return "", fault("a value is on one line; quotes stand around all of it, or nowhere", "the quote is not closed")
	}
	return trimmed[1 : len(trimmed)-1], nil
}

// splitEnv reads NAME=VALUE from the command line, or NAME of a variable that we have.
// What it refuses it does not show: it may be a secret in the wrong place.
func splitEnv(text string) (name, value string, err error) {
	name, value, ok := strings.Cut(text, "=")
	if here, set := os.LookupEnv(name); !ok && set && name != "" {
		return name, here, nil
	}
	switch {
	case !ok:
		return "", "", fault("write --env NAME=VALUE; NAME alone is for a variable that is set here", "there is no = in it")
	case name == "":
		return "", "", fault("write --env NAME=VALUE", "there is no name before the =")
	}
	return name, value, nil
}
