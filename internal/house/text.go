package house

import (
	"bytes"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A taboo is text that belongs to the machine it was written on.
type taboo struct {
	pattern *regexp.Regexp
	instead string
}

// startOfPath stands before a path that is absolute, and not in the middle of a longer one or of a URL.
const startOfPath = `(?:^|[^\w.~/$})\]*-])`

// The character classes of one letter keep the patterns from matching the lines they are written in.
var (
	absolutePath = regexp.MustCompile(startOfPath + `(?:/(?:home|work|root|Users)/[\w.]|[A-Z]:\\{1,2}Users\\)`)
	registryHost = regexp.MustCompile(`(?i)\b(?:proxy[.]golang[.]org|sum[.]golang[.]org|goproxy[.](?:io|cn)|` +
		`registry[.](?:npmjs[.]org|yarnpkg[.]com|npmmirror[.]com)|npm[.]pkg[.]github[.]com|pypi[.]org|files[.]pythonhosted[.]org)\b`)
	resolvedURL = regexp.MustCompile(`"?(?:resolved|tarball)"?:? "?https?[:]//`)
)

// largestText is the size beyond which a file is taken for data, in bytes.
const largestText = 4 << 20

// TextIsPortable faults the text files below fsys that name a place on the machine they were written on: an
// absolute path of a home or working directory, or the host of a package registry.
func TextIsPortable(fsys fs.FS) ([]string, error) {
	var faults []string
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && isForeign(name):
			return fs.SkipDir
		case !entry.Type().IsRegular(), isForeign(name): // in a linked work tree .git is a file
			return nil
		}
		text, err := readText(fsys, name, entry)
		faults = append(faults, portable(name, text)...)
		return err
	})
	return faults, err
}

// readText returns what is in a file, nothing when it is not text.
func readText(fsys fs.FS, name string, entry fs.DirEntry) (string, error) {
	info, err := entry.Info()
	if err != nil || info.Size() > largestText {
		return "", err
	}
	text, err := fs.ReadFile(fsys, name)
	if err != nil || !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return "", err
	}
	return string(text), nil
}

func portable(name, text string) []string {
	taboos := []taboo{
		{absolutePath, "a path of one machine: write it relative to the module, or from a variable (t.TempDir(), $HOME)"},
		{registryHost, "the host of a package registry: leave it to the settings of whoever installs"},
	}
	if isLockFile(name) {
		taboos = append(taboos, taboo{resolvedURL, "where a package was fetched from: write the lock file without (npm: omit-lockfile-registry-resolved=true)"})
	}
	var faults []string
	number := 0
	for line := range strings.Lines(text) {
		number++
		for _, t := range taboos {
			if found := t.pattern.FindString(line); found != "" {
				faults = append(faults, at(name, number, "%q is %s", strings.TrimSpace(found), t.instead))
			}
		}
	}
	return faults
}

// isLockFile reports whether a file names packages and their digests. Where they were fetched from is the
// business of the machine that fetches them.
func isLockFile(name string) bool {
	files := []string{"npm-shrinkwrap.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock"}
	return slices.Contains(files, path.Base(name))
}
