package redact_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// fakeSecrets returns n different values that look like generated passwords.
func fakeSecrets(n int) []string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	random := rand.New(rand.NewPCG(1, 2))
	values := make([]string, n)
	for i := range values {
		var b strings.Builder
		for range 16 + i%25 {
			b.WriteByte(letters[random.IntN(len(letters))])
		}
		values[i] = b.String()
	}
	return values
}

// ordinaryLog returns about n bytes of what builds, clusters and servers print.
func ordinaryLog(n int) []byte {
	random := rand.New(rand.NewPCG(3, 4))
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		switch i % 8 {
		case 0:
			fmt.Fprintf(&b, "2026-01-02T03:04:%02d.%03dZ INFO  http: GET /api/v1/namespaces/default/pods/web-%08x 200 in %dms\n",
				i%60, random.IntN(1000), random.Uint32(), random.IntN(300))
		case 1:
			fmt.Fprintf(&b, "aws_instance.web[%d]: Creation complete after %ds [id=i-%016x]\n", i%9, random.IntN(60), random.Uint64())
		case 2:
			fmt.Fprintf(&b, "ok  \tgithub.com/example/project/internal/part%d\t%.3fs\tcoverage: 81.2%% of statements\n", i%50, random.Float64())
		case 3:
			fmt.Fprintf(&b, "go: downloading golang.org/x/sys v0.%d.0 from https://mirror.example/golang.org/x/sys/@v/list\n", i%40)
		case 4:
			fmt.Fprintf(&b, "{\"level\":\"info\",\"ts\":%d.%06d,\"msg\":\"reconciled\",\"name\":\"web\",\"attempt\":%d}\n",
				1767322800+i, random.IntN(1e6), i%5)
		case 5:
			fmt.Fprintf(&b, "web-%08x-x7k2p   1/1     Running   0          %dd\n", random.Uint32(), random.IntN(90))
		case 6:
			fmt.Fprintf(&b, " ---> Using cache\n ---> %012x\nStep %d/20 : RUN apt-get install -y curl ca-certificates\n", random.Uint64()>>16, i%20)
		default:
			b.WriteString("    warning: unused variable `result` in function `main` (declared here), consider removing it\n")
		}
	}
	return b.Bytes()[:n]
}

// measure writes text in pieces as a pipe gives them.
func measure(b *testing.B, set *redact.Set, text []byte) {
	b.Helper()
	measureStream(b, set.Stream(), text)
}

func measureStream(b *testing.B, st *redact.Stream, text []byte) {
	b.Helper()
	drop := func([]byte) {}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		for rest := text; len(rest) > 0; {
			n := min(len(rest), 64<<10)
			st.Write(rest[:n], drop)
			rest = rest[n:]
		}
	}
	b.ReportMetric(float64(st.Masks())/float64(b.N), "masks/op")
}

func BenchmarkStream_Ordinary(b *testing.B) {
	text := ordinaryLog(1 << 20)
	for _, n := range []int{0, 5, 100} {
		set := redact.New(fakeSecrets(n), redact.Options{Patterns: true})
		b.Run(fmt.Sprintf("secrets=%d", n), func(b *testing.B) { measure(b, set, text) })
		b.Run(fmt.Sprintf("secrets=%d/growing", n), func(b *testing.B) {
			measureStream(b, redact.NewSecrets(set).Stream(), text)
		})
	}
}

func BenchmarkStream_Hostile(b *testing.B) {
	secrets := fakeSecrets(100)
	var almost bytes.Buffer
	for i := 0; almost.Len() < 1<<20; i++ {
		s := secrets[i%len(secrets)]
		almost.WriteString(s[:len(s)-1])
	}
	repeated := append(fakeSecrets(5), strings.Repeat("a", 200)+"b")
	for _, c := range []struct {
		name    string
		secrets []string
		text    []byte
	}{
		{"almost", secrets, almost.Bytes()},
		{"repeated", repeated, bytes.Repeat([]byte("a"), 1<<20)},
		{"masked", secrets, []byte(strings.Repeat(secrets[3]+" ", 1<<14))},
		{"urls", secrets, bytes.Repeat([]byte("a://b:c"), 1<<17)},
		{"tokens", secrets, bytes.Repeat([]byte("glpat-"), 1<<17)},
		{"jwt", secrets, bytes.Repeat([]byte("eyJaaaaaaaaaaaa."), 1<<16)},
		{"assign", secrets, bytes.Repeat([]byte("SessionToken="), 1<<16)},
		{"blocks", secrets, bytes.Repeat([]byte("-----BEGIN PRIVATE KEY-----"), 1<<15)},
	} {
		set := redact.New(c.secrets, redact.Options{Patterns: true})
		b.Run(c.name, func(b *testing.B) { measure(b, set, c.text) })
	}
}

func BenchmarkStream_Empty(b *testing.B) {
	measure(b, redact.New(nil, redact.Options{}), ordinaryLog(1<<20))
}

// BenchmarkStream_Lines writes line by line, as an unbuffered program does.
func BenchmarkStream_Lines(b *testing.B) {
	set := redact.New(fakeSecrets(5), redact.Options{Patterns: true})
	lines := bytes.SplitAfter(ordinaryLog(1<<20), []byte("\n"))
	for name, st := range map[string]*redact.Stream{"fixed": set.Stream(), "growing": redact.NewSecrets(set).Stream()} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(1 << 20)
			b.ReportAllocs()
			for b.Loop() {
				for _, line := range lines {
					st.Write(line, func([]byte) {})
				}
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	for _, n := range []int{0, 5, 100} {
		values := fakeSecrets(n)
		b.Run(fmt.Sprintf("secrets=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			var set *redact.Set
			for b.Loop() {
				set = redact.New(values, redact.Options{Patterns: true})
			}
			b.ReportMetric(float64(set.Bytes()), "tables")
		})
	}
}

func BenchmarkSet_String(b *testing.B) {
	set := redact.New(fakeSecrets(5), redact.Options{Patterns: true})
	b.ReportAllocs()
	for b.Loop() {
		set.String("git clone https://example.com/team/project.git --depth 1")
	}
}
