package engine

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// Where in a text a value has a name. Each has three groups: what announces
// the value, what is between, and the value, which in a text for a shell is
// quoted, bare, or both.
var (
	secretAssignment = regexp.MustCompile(`([A-Za-z_][\w.-]*)(=)((?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"';&|])+)`)
	secretOption     = regexp.MustCompile(`((?:^|[\s"'])--?[A-Za-z][\w.-]*)(\s+)((?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"';&|-][^\s"';&|]*)+)`)
	secretMember     = regexp.MustCompile(`"([\w.-]+)(\\*"\s*:\s*\\*")((?:[^"\\]|\\.)*)`)
	secretHeader     = regexp.MustCompile(`(?i)\b([\w-]+)(:\s+(?:(?:bearer|basic|token)\s+)?)([^"'\n]+)`)
	secretUser       = regexp.MustCompile(`(\bcurl\b[^|;&\n]*?\s(?:-u|--user)[ =]*["']?[^\s:"']+)(:)([^\s"']+)`)
	urlPassword      = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://[^/\s:@"']*)(:)([^\s"'@]+)@`)
	urlToken         = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*:)(//)([^/\s:@"']{20,})@`)
)

// shellReference is a value that names a variable or a command: it tells nothing.
var shellReference = regexp.MustCompile("^\"?\\$(?:\\w+|\\{\\w+\\})\"?$|^\"?\\$\\(|^\"?`")

// maskWords replaces the values of a command line that look secret.
func maskWords(argv []string) []string {
	words := slices.Clone(argv)
	hidden := hiddenOptions(argv)
	var before, last string // the two words before this one
	for i, word := range argv {
		switch {
		case i == 0 || last == "-c":
			words[i] = maskText(word)
		case announces(before, last, hidden) && !isSwitch(word):
			words[i] = redact.Mask
		case path.Base(argv[0]) == "curl" && (last == "-u" || last == "--user"):
			if user, _, found := strings.Cut(word, ":"); found {
				words[i] = user + ":" + redact.Mask
			}
		default:
			words[i] = maskWord(word, hidden)
		}
		before, last = last, word
	}
	return words
}

// announces tells whether the next word is a secret: the value of an option
// (--password hunter2), or of a setting (aws configure set
// aws_secret_access_key …).
func announces(before, last string, hidden []string) bool {
	if strings.HasPrefix(last, "-") {
		return slices.Contains(hidden, last) || !strings.Contains(last, "=") && secretName(last)
	}
	return before == "set" && secretName(last)
}

// isSwitch tells an option from a value, which may begin with a dash too.
func isSwitch(word string) bool {
	return strings.HasPrefix(word, "--") || len(word) == 2 && word[0] == '-'
}

// maskWord masks one argument. A secret at its beginning goes on to its end,
// blanks and all: no shell cuts it.
func maskWord(word string, hidden []string) string {
	word = maskURL(word)
	name, value, found := strings.Cut(word, "=")
	switch {
	case !found || strings.ContainsAny(name, " \t\n\"'"):
		return maskText(word)
	case slices.Contains(hidden, name):
		if key, _, pair := strings.Cut(value, "="); pair {
			return name + "=" + key + "=" + redact.Mask
		}
		return name + "=" + redact.Mask
	case value != "" && secretName(name[1+strings.LastIndexAny(name, "/?&,;:"):]):
		return name + "=" + redact.Mask
	default:
		return name + "=" + maskWord(value, nil)
	}
}

// maskText masks what looks secret in a text, such as one for a shell.
func maskText(text string) string {
	if !strings.ContainsAny(text, "=: \t\n") {
		return text
	}
	hidden := hiddenOptions(strings.Fields(text))
	text = maskURL(text)
	if len(hidden) == 0 && !hintsAtSecret(text) {
		return text
	}
	for _, pattern := range []*regexp.Regexp{secretAssignment, secretOption, secretMember, secretHeader, secretUser} {
		text = maskNamed(pattern, text, hidden)
	}
	return text
}

// hintsAtSecret tells whether a text may have anything to mask, which costs a
// fraction of looking for it. Most texts have not.
func hintsAtSecret(text string) bool {
	flat := strings.Map(func(r rune) rune {
		if strings.ContainsRune("-_.", r) {
			return -1
		}
		return r
	}, strings.ToLower(text))
	return slices.ContainsFunc(append(secretWords(), "pass", "pwd", "curl"), func(word string) bool {
		return strings.Contains(flat, word)
	})
}

func maskURL(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	text = urlPassword.ReplaceAllString(text, "${1}${2}"+redact.Mask+"@")
	return urlToken.ReplaceAllString(text, "${1}${2}"+redact.Mask+"@")
}

// maskNamed masks the values that a pattern finds under a secret name.
func maskNamed(pattern *regexp.Regexp, text string, hidden []string) string {
	return pattern.ReplaceAllStringFunc(text, func(match string) string {
		groups := pattern.FindStringSubmatch(match)
		if len(groups) != 4 || shellReference.MatchString(groups[3]) {
			return match
		}
		name, between, value := groups[1], groups[2], groups[3]
		switch {
		case pattern == secretUser, secretName(name), slices.Contains(hidden, strings.Trim(name, " \t\n\"'")):
			return name + between + redact.Mask
		case pattern == secretAssignment:
			return name + between + maskNamed(pattern, value, hidden)
		default:
			return match
		}
	})
}

// secretName tells whether a value of this name is likely to be a secret: a
// password, but not the file, the name or the id of one, and not a switch such
// as --show-secrets.
func secretName(name string) bool {
	name = strings.Trim(name, "-\"' \t\n")
	if name == "PWD" || name == "OLDPWD" {
		return false
	}
	parts := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return strings.ContainsRune("-_.", r) })
	flat := strings.Join(parts, "")
	switch {
	case len(parts) == 0:
		return false
	case len(parts) > 1 && slices.Contains(switchWords(), parts[0]),
		len(parts) > 1 && slices.Contains(harmlessEndings(), parts[len(parts)-1]),
		slices.Contains(harmlessTokens(), flat):
		return false
	case parts[len(parts)-1] == "pass" || parts[len(parts)-1] == "pwd":
		return true
	}
	return slices.ContainsFunc(secretWords(), func(word string) bool { return strings.Contains(flat, word) })
}

// secretWords make a name secret wherever they are in it.
func secretWords() []string {
	return []string{
		"password", "passwd", "passphrase", "secret", "token", "apikey", "accesskey", "accountkey",
		"sharedkey", "privatekey", "credential", "connectionstring", "authorization", "bearer", "cookie", "signature",
	}
}

// switchWords begin names that take yes or no, or a choice.
func switchWords() []string {
	return []string{
		"no", "show", "include", "generate", "create", "enable", "disable", "allow", "skip", "use", "with", "without", "list",
	}
}

// harmlessEndings make a name one of something around a secret.
func harmlessEndings() []string {
	return []string{
		"id", "ids", "name", "names", "arn", "file", "path", "dir", "url", "uri", "type", "version", "versions",
		"length", "ttl", "expiration", "policy", "count", "format",
	}
}

// harmlessTokens are tokens that open nothing.
func harmlessTokens() []string {
	return []string{
		"nexttoken", "startingtoken", "pagetoken", "paginationtoken", "continuetoken", "clientrequesttoken", "clienttoken",
	}
}

// hiddenOptions are options whose values are secret in this command only,
// though their names do not say so.
func hiddenOptions(argv []string) []string {
	var hidden []string
	if slices.Contains(argv, "put-parameter") || slices.Contains(argv, "secret") || slices.Contains(argv, "secrets") {
		hidden = append(hidden, "--value", "--from-literal")
	}
	if slices.Contains(argv, "login") || slices.Contains(argv, "sshpass") {
		hidden = append(hidden, "-p")
	}
	return hidden
}
