package events

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	engine "github.com/escher-dbai/cloudops-engine"
)

// postedBytes is how much of each stream is posted, where output is.
const postedBytes = 64 << 10

// letter is an ending on its way.
type letter struct {
	id       engine.ID
	body     []byte
	attempts int
	due      time.Time // zero: at once
}

func newLetter(ev *engine.Event, output bool) (*letter, error) {
	posted := *ev
	if ev.Result != nil {
		r := *ev.Result
		r.Stdout, r.Stderr = postedText(r.Stdout, output), postedText(r.Stderr, output)
		posted.Result = &r
	}
	body, err := json.Marshal(posted)
	return &letter{id: ev.ExecutionID, body: body}, err
}

// postedText is the end of a text, with a line before it that says what is missing.
func postedText(text string, output bool) string {
	if !output {
		return ""
	}
	from := len(text) - postedBytes
	if from <= 0 {
		return text
	}
	for from < len(text) && !utf8.RuneStart(text[from]) {
		from++
	}
	return fmt.Sprintf("[... %d bytes left out ...]\n", from) + text[from:]
}

// work delivers letters until the context is done.
func (p *Poster) work(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		l, wait := p.next(time.Now())
		if l != nil {
			p.deliver(ctx, l)
			continue
		}
		timer.Reset(wait)
		select {
		case <-p.wake:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// next is a letter that is due, or how long nothing will be.
func (p *Poster) next(now time.Time) (*letter, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait := time.Hour
	for i, l := range p.waiting {
		if left := l.due.Sub(now); left > 0 {
			wait = min(wait, left)
			continue
		}
		p.removeLocked(i)
		p.flying++
		p.counts.Attempts++
		if len(p.waiting) > 0 {
			p.signal() // another worker may have the next
		}
		return l, 0
	}
	return nil, wait
}

func (p *Poster) removeLocked(i int) {
	copy(p.waiting[i:], p.waiting[i+1:])
	p.waiting[len(p.waiting)-1] = nil
	p.waiting = p.waiting[:len(p.waiting)-1]
}

// deliver tries a letter once, and puts it back for another attempt or gives it up.
func (p *Poster) deliver(ctx context.Context, l *letter) {
	l.attempts++
	err := p.attempt(ctx, l)
	var refused *refusal
	again := err != nil && (!errors.As(err, &refused) || refused.retry)
	p.mu.Lock()
	p.flying--
	switch {
	case err == nil:
		p.counts.Delivered++
	case ctx.Err() != nil: // Close counts it
		p.waiting = append(p.waiting, l)
		p.mu.Unlock()
		return
	case again && l.attempts < p.options.Attempts:
		l.due = time.Now().Add(p.pause(l.attempts, refused))
		p.waiting = append(p.waiting, l)
		err = nil
	default:
		p.counts.Failed++
	}
	p.settleLocked()
	p.mu.Unlock()
	p.signal()
	if err != nil {
		p.options.Logger.ErrorContext(ctx, "ending was not posted",
			slog.Any("execution_id", l.id), slog.Int("attempts", l.attempts), slog.Any("error", err))
	}
}

// attempt makes one request.
func (p *Poster) attempt(ctx context.Context, l *letter) error {
	ctx, cancel := context.WithTimeout(ctx, p.options.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(l.body))
	if err != nil {
		return withoutURL(err)
	}
	if p.options.Header != nil {
		request.Header = p.options.Header.Clone()
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", l.id.String())
	response, err := p.client.Do(request)
	if err != nil {
		return withoutURL(err)
	}
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10) // so that the connection can be used again
	_ = response.Body.Close()                          // it was read as far as we care
	return refusalOf(response)
}

// withoutURL is an error without the URL, which may hold a token.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// refusal is an answer that is no success.
type refusal struct {
	status string
	retry  bool
	after  time.Duration
}

func (r *refusal) Error() string { return "the receiver says " + r.status }

func refusalOf(response *http.Response) error {
	code := response.StatusCode
	if code >= 200 && code < 300 {
		return nil
	}
	r := &refusal{status: strconv.Itoa(code) + " " + http.StatusText(code)}
	switch code {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		r.retry = true
	default:
		r.retry = code >= 500
	}
	r.after = retryAfter(response.Header.Get("Retry-After"))
	return r
}

// retryAfter reads the header of that name: seconds or a date; 0 for neither.
func retryAfter(value string) time.Duration {
	value = strings.TrimSpace(value)
	if s, err := strconv.ParseInt(value, 10, 32); err == nil {
		return time.Duration(s) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return time.Until(at)
	}
	return 0
}

// pause is the time before the next attempt.
func (p *Poster) pause(attempts int, refused *refusal) time.Duration {
	o := &p.options
	d := o.Delay
	for range attempts - 1 {
		d = min(2*d, o.MaxDelay)
	}
	d = min(d, o.MaxDelay)
	d = d/2 + rand.N(d/2+1) //nolint:gosec // G404: the spread of retries is no secret
	if refused != nil {
		d = max(d, min(refused.after, o.MaxDelay))
	}
	return d
}
