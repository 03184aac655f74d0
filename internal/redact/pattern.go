package redact

// class is a set of kinds of bytes.
type class uint16

const (
	digit class = 1 << iota
	upper
	lower
	underscore
	dash
	dot
	slash // and plus: what base64 has besides letters and digits
	equals
	other

	alnum     = digit | upper | lower
	word      = alnum | underscore
	base64URL = word | dash
	base64Std = alnum | slash | equals
)

// classOf returns the kind of a byte.
func classOf(b byte) class {
	switch {
	case 'a' <= b && b <= 'z':
		return lower
	case 'A' <= b && b <= 'Z':
		return upper
	case '0' <= b && b <= '9':
		return digit
	}
	switch b {
	case '_':
		return underscore
	case '-':
		return dash
	case '.':
		return dot
	case '/', '+':
		return slash
	case '=':
		return equals
	default:
		return other
	}
}

// shape is what follows the beginning of a pattern.
type shape uint8

const (
	tokenShape    shape = iota + 1 // a run of bytes of one class; beginning and run are masked
	assignShape                    // a run of bytes behind : or =; the run is masked
	jwtShape                       // header.payload.signature, masked whole
	urlShape                       // user:password@host; the password is masked
	keyBlockShape                  // a PEM block of a private key, masked from BEGIN to END
)

// masksBegin reports whether the beginning is masked with what follows.
func (s shape) masksBegin() bool {
	return s == tokenShape || s == jwtShape || s == keyBlockShape
}

// pattern is the look of a well-known credential.
type pattern struct {
	begin    string // needles are found by the automaton, so this costs nothing until it is read
	shape    shape
	body     class // of the run
	least    int   // bytes in the run
	exact    bool  // the run has least bytes and not one more
	notAfter class // what must not stand before begin
	after    class // what must stand before begin; 0 for anything
}

// knownPatterns returns the credentials that are masked unasked. No beginning
// may be the end of another one.
func knownPatterns() []pattern {
	list := make([]pattern, 0, 40)
	for _, begin := range []string{"AKIA", "ASIA"} {
		list = append(list, pattern{
			begin: begin, shape: tokenShape, body: digit | upper, least: 16, exact: true, notAfter: alnum,
		})
	}
	for _, t := range []struct {
		begin string
		body  class
		least int
	}{
		{"ghp_", alnum, 36},
		{"gho_", alnum, 36},
		{"ghu_", alnum, 36},
		{"ghs_", alnum, 36},
		{"ghr_", alnum, 36},
		{"github_pat_", word, 36},
		{"glpat-", base64URL, 20},
		{"xoxa-", alnum | dash, 20},
		{"xoxb-", alnum | dash, 20},
		{"xoxc-", alnum | dash, 20},
		{"xoxd-", alnum | dash, 20},
		{"xoxe-", alnum | dash, 20},
		{"xoxp-", alnum | dash, 20},
		{"xoxr-", alnum | dash, 20},
		{"xoxs-", alnum | dash, 20},
		{"AIza", base64URL, 35},
		{"ya29.", base64URL | dot, 20},
		{"sk_live_", alnum, 16},
		{"rk_live_", alnum, 16},
		{"npm_", alnum, 36},
	} {
		list = append(list, pattern{begin: t.begin, shape: tokenShape, body: t.body, least: t.least, notAfter: word})
	}
	for _, begin := range []string{
		"aws_secret_access_key", "AWS_SECRET_ACCESS_KEY", "secretAccessKey", "SecretAccessKey",
		"aws_session_token", "AWS_SESSION_TOKEN", "sessionToken", "SessionToken",
	} {
		list = append(list, pattern{begin: begin, shape: assignShape, body: base64Std | base64URL, least: 16})
	}
	return append(list,
		pattern{begin: "AccountKey", shape: assignShape, body: base64Std, least: 40},
		pattern{begin: "SharedAccessKey", shape: assignShape, body: base64Std, least: 40},
		pattern{begin: "eyJ", shape: jwtShape, notAfter: base64URL},
		pattern{begin: "://", shape: urlShape, after: alnum},
		pattern{begin: "-----BEGIN ", shape: keyBlockShape},
	)
}
