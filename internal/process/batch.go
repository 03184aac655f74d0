package process

import (
	"errors"
	"fmt"
	"strings"
)

// ErrBatch is returned where a batch file cannot be given its arguments as they are.
var ErrBatch = errors.New("cmd.exe would not pass it as it is")

// maxBatchLine is how long a command line cmd.exe takes, in UTF-16 units. Bytes of
// UTF-8 are never fewer.
const maxBatchLine = 8191

// IsBatch reports whether Windows has cmd.exe run what is at path. Windows drops
// dots and spaces at the end of a name.
func IsBatch(path string) bool {
	path = strings.ToLower(strings.TrimRight(path, ". "))
	return strings.HasSuffix(path, ".bat") || strings.HasSuffix(path, ".cmd")
}

// BatchLine is the command line with which cmd.exe runs the batch file at path with
// these arguments. Given to the system as the arguments of a program are, they would
// be commands: cmd.exe knows other quotes than programs do. What is special to it is
// put in quotes, which leave two things special, the quote itself and %: these are
// refused, as no escape holds when a batch file hands its arguments on. So are
// control characters, which end the line. /v:OFF keeps ! plain, /d any program of
// the registry's from running first. Errors: ErrBatch.
func BatchLine(path string, args []string) (string, error) {
	script, err := batchQuoted(path)
	if err != nil {
		return "", fmt.Errorf("the path of the batch file: %w", err)
	}
	line := []string{`cmd.exe /d /e:ON /v:OFF /c "` + script}
	for i, a := range args {
		if a != "" && strings.Trim(a, batchPlain) == "" && !strings.HasSuffix(a, `\`) {
			line = append(line, a)
			continue
		}
		quoted, err := batchQuoted(a)
		if err != nil {
			return "", fmt.Errorf("argument %d of a batch file: %w", i+1, err)
		}
		line = append(line, quoted)
	}
	all := strings.Join(line, " ") + `"`
	if len(all) > maxBatchLine {
		return "", fmt.Errorf("the arguments of a batch file make %d bytes, %d are taken: %w", len(all), maxBatchLine, ErrBatch)
	}
	return all, nil
}

// batchPlain are the characters that mean nothing to cmd.exe.
const batchPlain = `abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789#$*+-./:?@\_`

// batchQuoted puts a text in quotes. Backslashes at its end are doubled, so that a
// program which the batch file hands it to does not take the quote for escaped.
func batchQuoted(text string) (string, error) {
	for _, r := range text {
		if r == '"' || r == '%' || r < ' ' && r != '\t' || r == 0x7f {
			return "", fmt.Errorf("%q in it: %w", r, ErrBatch)
		}
	}
	tail := len(text) - len(strings.TrimRight(text, `\`))
	return `"` + text + strings.Repeat(`\`, tail) + `"`, nil
}
