package redact_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// Credentials in these tests are put together from pieces, so that what looks
// for secrets in sources does not stop at them. None was ever valid.
const (
	digits40 = "0123456789abcdefghijklmnopqrstuvwxyzABCD"
	awsKey   = "AKIA" + "IOSFODNN7EXAMPLE"
	awsValue = "wJalrXUtnFEMI/K7MDENG" + "/bPxRfiCYEXAMPLEKEY"
	azureKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1" + "OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

var (
	unsigned = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxIn0"
	jwt      = unsigned + "." + strings.Repeat("a", 43)
)

// patterns checks texts against the known patterns alone.
func patterns(t *testing.T, texts map[string]string) {
	t.Helper()
	set := redact.New(nil, redact.Options{Patterns: true})
	for text, want := range texts {
		if want == "" {
			want = text
		}
		masks(t, set, text, want)
	}
}

func TestRED16_MasksPasswordsInURLs(t *testing.T) {
	t.Parallel()
	patterns(t, map[string]string{
		"fatal: https://bob:hunter2secret@git.example/x.git not found":      "fatal: https://bob:[REDACTED]@git.example/x.git not found",
		"https://x:%zzpw123456@h/":                                          "https://x:[REDACTED]@h/",
		"redis://:pass@cache:6379/0":                                        "redis://:[REDACTED]@cache:6379/0",
		"postgres://me:p@ss:w@rd@db/x?a=b@c":                                "postgres://me:[REDACTED]@db/x?a=b@c",
		"https://me@corp.example:pw@host":                                   "https://me@corp.example:[REDACTED]@host",
		"mongodb://u:pw@h1:27017,h2:27017/?x=1":                             "mongodb://u:[REDACTED]@h1:27017,h2:27017/?x=1",
		"a://b:c@d://e:f@g":                                                 "a://b:[REDACTED]@d://e:[REDACTED]@g",
		`{"url":"amqp://u:pw@mq","to":"x@y"}`:                               `{"url":"amqp://u:[REDACTED]@mq","to":"x@y"}`,
		"https://u:" + secret + "@h/ " + secret:                             "https://u:[REDACTED]@h/ " + secret,
		"https://u:" + awsKey + "@h/":                                       "https://u:[REDACTED]@h/",
		"see https://example.com:8080/@scope/x":                             "",
		"https://example.com:8080 me@corp":                                  "",
		"ssh://git@example.com:22/x.git":                                    "",
		"http://[::1]:8080/":                                                "",
		"https://me:@host/":                                                 "",
		"// comment: mail me@corp.example":                                  "",
		"://u:pw@h":                                                         "",
		"https://u:" + strings.Repeat("p", 5000):                            "",
		"https://u:" + strings.Repeat("p", redact.MaxHold) + "@host/ it is": "",
		"https://u:" + strings.Repeat("p", 4000) + "@host/":                 "https://u:[REDACTED]@host/",
	})
}

func TestRED17_MasksWellKnownTokens(t *testing.T) {
	t.Parallel()
	patterns(t, map[string]string{
		awsKey + " ghp_" + digits40[:38] + " " + jwt: "[REDACTED] [REDACTED] [REDACTED]",
		"id=" + awsKey:                                "id=[REDACTED]",
		"ASIA" + awsKey[4:] + ",":                     "[REDACTED],",
		"gho_" + digits40 + ".":                       "[REDACTED].",
		"ghu_" + digits40 + "\n":                      "[REDACTED]\n",
		"(ghs_" + digits40 + ")":                      "([REDACTED])",
		"ghr_" + digits40:                             "[REDACTED]",
		"github_pat_11" + digits40 + "_" + digits40:   "[REDACTED]",
		"glpat-" + digits40[:20]:                      "[REDACTED]",
		"xoxb-1234567890-" + digits40[:24]:            "[REDACTED]",
		"xoxp-1234567890-" + digits40[:24]:            "[REDACTED]",
		`"AIza` + digits40[:35] + `"`:                 `"[REDACTED]"`,
		"ya29." + digits40 + "-_x.y":                  "[REDACTED]",
		"sk_live_" + digits40[:24]:                    "[REDACTED]",
		"rk_live_" + digits40[:24]:                    "[REDACTED]",
		"npm_" + digits40[:36]:                        "[REDACTED]",
		"Bearer " + jwt + "\n":                        "Bearer [REDACTED]\n",
		"glpat-" + digits40[:12] + "-ghp_" + digits40: "[REDACTED]",
		"ghp_short-ghp_" + digits40:                   "ghp_short-[REDACTED]",
		"ghp_" + strings.Repeat("x", 100000):          "[REDACTED]",
	})
}

func TestRED17_LeavesWhatOnlyBeginsLikeAToken(t *testing.T) {
	t.Parallel()
	patterns(t, map[string]string{
		"x" + awsKey:                     "",
		awsKey + "X":                     "",
		awsKey[:19]:                      "",
		"AKIA and ASIA":                  "",
		"ghp_" + digits40[:35]:           "",
		"my_ghp_" + digits40:             "",
		"npm_config_registry=https://x":  "",
		"npm_" + digits40[:30] + "_more": "",
		"sk_live_":                       "",
		"eyJhbGciOiJIUzI1NiJ9":           "",
		"eyJhbGciOiJIUzI1NiJ9. Next":     "",
		unsigned[:25] + ".x":             "",
		"XeyJhbGciOiJIUzI1NiJ9.eyJzdWIi": "",
		"eyJ" + strings.Repeat("a", 5000) + ".eyJzdWIiOiIxIn0.": "",
	})
}

func TestPatterns_MaskValuesOfAssignments(t *testing.T) {
	t.Parallel()
	patterns(t, map[string]string{
		"aws_secret_access_key = " + awsValue + "\n":            "aws_secret_access_key = [REDACTED]\n",
		"export AWS_SECRET_ACCESS_KEY='" + awsValue + "'":       "export AWS_SECRET_ACCESS_KEY='[REDACTED]'",
		`"SecretAccessKey": "` + awsValue + `",`:                `"SecretAccessKey": "[REDACTED]",`,
		`{\"sessionToken\": \"` + awsValue + awsValue + `==\"}`: `{\"sessionToken\": \"[REDACTED]\"}`,
		"<SecretAccessKey>" + awsValue + "</SecretAccessKey>":   "<SecretAccessKey>[REDACTED]</SecretAccessKey>",
		"AccountName=x;AccountKey=" + azureKey + ";Endpoint":    "AccountName=x;AccountKey=[REDACTED];Endpoint",
		"SharedAccessKeyName=root;SharedAccessKey=" + azureKey:  "SharedAccessKeyName=root;SharedAccessKey=[REDACTED]",
		"SessionToken : SessionToken: " + awsValue:              "SessionToken : SessionToken: [REDACTED]",
		"SessionToken=SessionToken=" + awsValue + " x":          "SessionToken=[REDACTED] x",
		"aws_secret_access_key = ${var.key}":                    "",
		"aws_secret_access_key is " + awsValue:                  "",
		"AWS_SECRET_ACCESS_KEY=(sensitive value)":               "",
		"AWS_SECRET_ACCESS_KEY: ****************ABCD":           "",
		"aws_secret_access_key =                 x" + awsValue:  "",
		"AccountKey=" + azureKey[:30]:                           "",
	})
}

// block returns a PEM block of n lines that look like a key.
func block(kind string, n int, newline string) string {
	return "-----BEGIN " + kind + "-----" + newline +
		strings.Repeat("bm90IGEga2V5LCBqdXN0IHRleHQgZm9yIHRlc3Rz"+digits40[:24]+newline, n) +
		"ZW5k" + newline + "-----END " + kind + "-----"
}

func TestPatterns_MaskPrivateKeys(t *testing.T) {
	t.Parallel()
	long := block("RSA PRIVATE KEY", 50, "\n")
	patterns(t, map[string]string{
		"a\n" + long + "\nb\n":                                        "a\n[REDACTED]\nb\n",
		block("PRIVATE KEY", 3, "\r\n") + "\r\n":                      "[REDACTED]\r\n",
		block("EC PRIVATE KEY", 30, " ") + " x":                       "[REDACTED] x",
		`{"private_key": "` + block("PRIVATE KEY", 30, `\n`) + `\n"}`: `{"private_key": "[REDACTED]\n"}`,
		block("OPENSSH PRIVATE KEY", 0, "\n"):                         "[REDACTED]",
		block("PGP PRIVATE KEY BLOCK", 40, "\n") + ".":                "[REDACTED].",
		"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233\n\n" + long[32:] + "!": "[REDACTED]!",
		long + "\n" + long:                     "[REDACTED]\n[REDACTED]",
		long[:1000]:                            "[REDACTED]",
		long[:1005] + "\nERROR: broken (pipe)": "[REDACTED]\nERROR: broken (pipe)",
		block("CERTIFICATE", 10, "\n"):         "",
		block("PUBLIC KEY", 10, "\n"):          "",
		"a line -----BEGIN PRIVATE KEY----- in a text. " + strings.Repeat("More text, with words and 12 numbers. ", 100): "",
		"-----BEGIN PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\n":                                                     "",
		"-----BEGIN " + strings.Repeat("A", 100) + "PRIVATE KEY-----":                                                    "",
	})
}

// A key is not held back: once it is one, it is gone.
func TestPatterns_HoldIsBounded(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"key":      block("RSA PRIVATE KEY", 20000, "\n"),
		"header":   "eyJ" + strings.Repeat("a", 1<<20),
		"password": "https://u:" + strings.Repeat("p", 1<<20),
		"token":    "ghp_" + strings.Repeat("p", 1<<20),
		"dots":     strings.Repeat("-----BEGIN PRIVATE KEY-----", 1<<12),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := redact.New(nil, redact.Options{Patterns: true}).Stream()
			for p := []byte(text); len(p) > 0; p = p[min(len(p), 999):] {
				st.Write(p[:min(len(p), 999)], func([]byte) {})
				if st.Held() > redact.MaxHold+64 {
					t.Fatalf("Held() = %d", st.Held())
				}
			}
		})
	}
}

// A prompt has to be seen before it is answered: what is never masked itself is
// not held back.
func TestPatterns_DoNotHoldPrompts(t *testing.T) {
	t.Parallel()
	set := redact.New([]string{secret}, redact.Options{Patterns: true})
	for text, want := range map[string]int{
		"Password:":                  0,
		"URL? [https://":             0,
		"aws_secret_access_":         0,
		"aws_secret_access_key = ":   0,
		"AWS_SECRET":                 len("SECRET"),
		"AWS Access Key ID [AKIA":    4,
		"https://user:pass":          4,
		"https://user:pass@host":     5,
		"Continue? (y/n) > ":         0,
		"aws_secret_access_key = ab": 2,
	} {
		st := set.Stream()
		st.Write([]byte(text), func([]byte) {})
		if got := st.Held(); got != want {
			t.Errorf("after %q: Held() = %d, want %d", text, got, want)
		}
	}
}

// No beginning may hide another one: a state knows one pattern.
func TestPatterns_BeginDifferently(t *testing.T) {
	t.Parallel()
	begins := redact.Begins()
	for i, a := range begins {
		for j, b := range begins {
			if i != j && strings.HasSuffix(a, b) {
				t.Errorf("%q ends in %q", a, b)
			}
		}
		if len(a) < 3 || len(a) > 30 {
			t.Errorf("%q is too short or too long", a)
		}
	}
}

// Less than one false mask in 10 MB: logs, and as much of the sources of Go as
// is there, which hold no credentials but all kinds of words.
func TestRED17_LeavesOrdinaryText(t *testing.T) {
	t.Parallel()
	set := redact.New(fakeSecrets(20), redact.Options{Patterns: true})
	st := set.Stream()
	st.Write(ordinaryLog(2<<20), func([]byte) {})
	for _, folder := range []string{"cmd/go/internal", "go", "os", "runtime"} {
		read := readSources(t, filepath.Join(runtime.GOROOT(), "src", folder), 2<<20) //nolint:staticcheck // any Go tree will do
		st.Write(read, func([]byte) {})
	}
	if st.Masks() > 0 {
		t.Errorf("Masks() = %d in ordinary text", st.Masks())
	}
}

// readSources returns the sources in a folder that are not tests, which hold
// examples of credentials, up to a number of bytes.
func readSources(t *testing.T, folder string, most int) []byte {
	t.Helper()
	var all []byte
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		switch {
		case err != nil || len(all) >= most:
			return filepath.SkipAll
		case entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		all = append(all, text...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
