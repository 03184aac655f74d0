package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

const (
	redactRounds  = 7
	redactBytes   = 16 * mebi // of each text
	ordinarySpeed = 400
	hostileSpeed  = 20
	inMegaSeconds = " MB/s"
)

// redactionFigures are those of masking with the patterns and a hundred secrets, on one
// processor: what tools print, and texts made to be slow.
func redactionFigures(bool) ([]figure, error) {
	var l ledger
	for _, text := range redacted() {
		f := newFigure("redact", text.name, inMegaSeconds, nil).atLeast(hostileSpeed)
		if text.ordinary {
			f = f.towards(1000).atLeast(ordinarySpeed)
		}
		l.add(ofRedaction, 1, text.name, f)
	}
	return l.figures, l.err
}

// toRedact is a text that is masked: so many secrets' beginnings, and so on.
type toRedact struct {
	name     string
	ordinary bool
	line     func(i int) string
}

func redacted() []toRedact {
	secrets := hundredSecrets()
	again := func(text string) func(int) string { return func(int) string { return text } }
	return []toRedact{
		{"ordinary text", true, ordinaryLine},
		{"secrets but for the last byte", false, func(i int) string {
			s := secrets[i%len(secrets)]
			return s[:len(s)-1]
		}},
		{"nothing but secrets", false, func(i int) string { return secrets[i%len(secrets)] + " " }},
		{"addresses", false, again("a://b:c")},
		{"beginnings of tokens", false, again("glpat-")},
		{"beginnings of web tokens", false, again("eyJaaaaaaaaaaaa.")},
		{"beginnings of key blocks", false, again("-----BEGIN PRIVATE KEY-----")},
		{"names of secrets", false, again("SessionToken=")},
	}
}

// ordinaryLine is what builds, clusters and servers print, in turn.
func ordinaryLine(i int) string {
	hash := uint32(i) * 2654435761
	switch i % 6 {
	case 0:
		return fmt.Sprintf("2026-01-02T03:04:%02d.%03dZ INFO  http: GET /api/v1/pods/web-%08x 200 in %dms\n", i%60, hash%1000, hash, hash%300)
	case 1:
		return fmt.Sprintf("aws_instance.web[%d]: Creation complete after %ds [id=i-%016x]\n", i%9, hash%60, uint64(hash)<<20)
	case 2:
		return fmt.Sprintf("ok  \tgithub.com/example/project/internal/part%d\t0.%03ds\tcoverage: 81.2%% of statements\n", i%50, hash%1000)
	case 3:
		return fmt.Sprintf("{\"level\":\"info\",\"ts\":%d,\"msg\":\"reconciled\",\"name\":\"web\",\"attempt\":%d}\n", 1767322800+i, i%5)
	case 4:
		return fmt.Sprintf(" ---> Using cache\n ---> %012x\nStep %d/20 : RUN apt-get install -y curl ca-certificates\n", hash, i%20)
	default:
		return "    warning: unused variable `result` in function `main` (declared here), consider removing it\n"
	}
}

// studyRedaction masks every text, turn by turn.
func studyRedaction(int) (map[string][]float64, error) {
	runtime.GOMAXPROCS(1)
	set := redact.New(hundredSecrets(), redact.Options{Patterns: true})
	found := make(map[string][]float64)
	for _, r := range redacted() {
		var b strings.Builder
		for i := 0; b.Len() < redactBytes; i++ {
			b.WriteString(r.line(i))
		}
		text := []byte(b.String())
		for range redactRounds {
			start := time.Now()
			total := 0
			masker := set.Stream()
			count := func(p []byte) { total += len(p) }
			for piece := range slices.Chunk(text, pipeBytes) {
				masker.Write(piece, count)
			}
			masker.Flush(count)
			if masker.Masks() == 0 && total != len(text) {
				return nil, fmt.Errorf("%s: %d of %d bytes came", r.name, total, len(text))
			}
			found[r.name] = append(found[r.name], float64(len(text))/mega/time.Since(start).Seconds())
		}
	}
	return found, nil
}
