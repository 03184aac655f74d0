package enginetest

import (
	"crypto/sha256"
	"fmt"
	"strings"

	engine "github.com/escher-dbai/cloudops-engine"
)

func masksAcross(b *bench) {
	t := b.t
	request := sh(`printf SECRETabc; sleep 0.05; printf '123XYZ\n'; printf SECRETabc`)
	request.Secrets = []string{secret}
	id := b.start(t, request)
	want(t, "stdout", "[REDACTED]\nSECRETabc", b.end(t, id).Stdout)
	want(t, "masks", 1, b.spy.of(id).ending.Masks)
}

func teesEveryByte(b *bench) {
	t := b.t
	var out strings.Builder // of one stream: never called twice at once
	request := sh(`head -c 200000 /dev/zero | tr '\0' x`)
	request.Limits.OutputBytes = 1000
	request.Tee = func(_ engine.Stream, p []byte) { out.Write(p) }
	r := b.do(t, request)
	if b.outlives() {
		want(t, "cause", engine.CauseSpawn, r.Cause)
		want(t, "calls of Started", 0, b.spy.of(r.ID).started)
		return
	}
	want(t, "bytes that the tee saw", strings.Repeat("x", 200_000), out.String())
}

func digestsEveryByte(b *bench) {
	t := b.t
	var seen [2]strings.Builder // by stream
	request := sh(`head -c 200000 /dev/zero | tr '\0' x; printf 'SECRETabc123XYZ'; printf 'SECRETabc' >&2; sleep 0.05; printf '123XYZ\n' >&2`)
	request.Secrets = []string{secret}
	if !b.outlives() {
		request.Limits.OutputBytes = 1000
		request.Tee = func(s engine.Stream, p []byte) { _, _ = seen[s].WriteString(string(p)) }
	}
	request.Digest = true
	result := b.do(t, request)
	if b.outlives() {
		_, _ = seen[engine.Stdout].WriteString(result.Stdout)
		_, _ = seen[engine.Stderr].WriteString(result.Stderr)
	}
	want(t, "what was written to stderr", "[REDACTED]\n", seen[engine.Stderr].String())
	for s, got := range []string{engine.Stdout: result.Output.StdoutSHA256, engine.Stderr: result.Output.StderrSHA256} {
		want(t, "the digest of "+engine.Stream(s).String(), fmt.Sprintf("%x", sha256.Sum256([]byte(seen[s].String()))), got)
	}
	request.Digest = false
	result = b.do(t, request)
	want(t, "digests that nobody asked for", "", result.Output.StdoutSHA256+result.Output.StderrSHA256)
}
