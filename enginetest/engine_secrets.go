package enginetest

import (
	"errors"
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
)

func secretCases() []one {
	return []one{
		{"MasksSecrets", "what a request calls secret is in no view of its execution", masksSecrets},
		{"AddsSecrets", "what is added while it runs is masked in all that comes, and wherever the request is shown", addsSecrets},
		{"AddsToWhatBegan", "of a value that is half written when it is added, the other half is masked", addsToWhatBegan},
		{"AddsNoSecrets", "a value that is too short is refused with all that came with it, and so is an execution that has ended", addsNoSecrets},
	}
}

// secret is in no other word of the suite.
const secret = "SECRETabc123XYZ"

func masksSecrets(b *bench) {
	t := b.t
	request := sh(`echo "it is $1"; printf 'SECRETabc' >&2; sleep 0.05; echo "123XYZ" >&2; exit 1`, secret)
	request.Secrets = []string{secret}
	id := b.start(t, request)
	r := b.end(t, id)
	want(t, "stdout", "it is [REDACTED]\n", r.Stdout)
	want(t, "stderr", "[REDACTED]\n", r.Stderr)
	want(t, "masks", 2, r.Output.Masks)
	b.showsNowhere(t, id)
}

// showsNowhere looks for the secret in all that there is of an execution.
func (b *bench) showsNowhere(t *testing.T, id engine.ID) {
	t.Helper()
	x, err := b.Get(patient(t), id)
	if err != nil {
		t.Fatal(err)
	}
	page, err := b.List(patient(t), engine.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	views := []string{asJSON(t, b.end(t, id)), asJSON(t, x), asJSON(t, page), asJSON(t, b.events(t, id, 0))}
	for _, text := range b.output(t, id, 0) {
		views = append(views, text)
	}
	for _, view := range views {
		if strings.Contains(view, secret) {
			t.Errorf("the secret is in %s", view)
		}
	}
}

func (b *bench) addSecrets(t *testing.T, id engine.ID, values ...string) {
	t.Helper()
	if err := b.AddSecrets(patient(t), id, values...); err != nil {
		t.Errorf("add secrets: %v", err)
	}
}

func addsSecrets(b *bench) {
	t := b.t
	g := newGate(t)
	request := sh(awaitGate+`echo "it is $2"; echo "$2" | base64 >&2; exit 1`, string(g), secret)
	request.Actor = engine.Actor{Kind: engine.Human, Name: secret, OnBehalfOf: "human:" + secret}
	request.Metadata = engine.Metadata{Source: secret, Tags: map[string]string{"label": secret}}
	request.Env = map[string]string{"SHOWN": secret}
	id := b.start(t, request)
	b.until(t, id, started)
	b.addSecrets(t, id, "another of them", secret)
	b.addSecrets(t, id, secret) // once more is no fault
	b.addSecrets(t, id)
	x, err := b.Get(patient(t), id)
	if err != nil || !strings.Contains(x.Command, "[REDACTED]") || strings.Contains(asJSON(t, x), secret) {
		t.Errorf("while it runs: %+v, %v", x, err)
	}
	g.open(t)
	r := b.end(t, id)
	want(t, "stdout", "it is [REDACTED]\n", r.Stdout)
	if !strings.Contains(r.Stderr, "[REDACTED]") {
		t.Errorf("its base64 is not masked: %q", r.Stderr)
	}
	want(t, "masks", 2, r.Output.Masks)
	b.showsNowhere(t, id)
	want(t, "what another execution writes", secret+"\n", b.do(t, sh("echo "+secret)).Stdout)
}

func addsToWhatBegan(b *bench) {
	t := b.t
	g := newGate(t)
	id := b.start(t, sh(`printf SECRETabc; `+awaitGate+`echo 123XYZ; echo SECRETabc123XYZ`, string(g)))
	b.until(t, id, printed("SECRETabc"))
	b.addSecrets(t, id, secret)
	g.open(t)
	want(t, "stdout", "SECRETabc[REDACTED]\n[REDACTED]\n", b.end(t, id).Stdout)
}

func addsNoSecrets(b *bench) {
	t := b.t
	g := newGate(t)
	id := b.start(t, sh(awaitGate+"echo "+secret, string(g)))
	for _, short := range []string{"", "five5"} {
		err := b.AddSecrets(patient(t), id, secret, short)
		if !errors.Is(err, engine.ErrInvalid) || engine.Hint(err) == "" {
			t.Errorf("%q: want ErrInvalid with a hint, got %v", short, err)
		}
		if err != nil && (strings.Contains(err.Error(), secret) || short != "" && strings.Contains(err.Error(), short)) {
			t.Errorf("a value is in the error: %v", err)
		}
	}
	g.open(t)
	want(t, "stdout", secret+"\n", b.end(t, id).Stdout)
	if err := b.AddSecrets(patient(t), id, secret); !errors.Is(err, engine.ErrFinished) {
		t.Errorf("after the end: want ErrFinished, got %v", err)
	}
}
