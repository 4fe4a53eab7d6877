package gitea

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// tries is how often a question is asked altogether: enough to get over a restart
	// of a connection, few enough not to burden a server that is in trouble.
	tries = 3
	// patience is the longest wait that a server may ask of us within one operation.
	patience = 10 * time.Second
	// biggest bounds an answer: a pull request's comments come in one piece, and each may be long.
	biggest = 64 << 20
)

type kindKey struct{}

// wire carries requests: it signs, counts, limits and repeats them, reads each
// answer whole, and turns every answer that is no use into an error.
type wire struct {
	base    http.RoundTripper
	token   func() string
	now     func() time.Time
	log     *slog.Logger
	timeout time.Duration
	pause   time.Duration

	skew atomic.Int64 // of the last answer

	mu      sync.Mutex
	byKinds map[string]int64
}

func newWire(c Config) *wire {
	w := &wire{token: c.Token, now: c.Now, log: c.Log, timeout: c.Timeout, pause: c.RetryPause, byKinds: map[string]int64{}}
	w.base = http.DefaultTransport
	if c.HTTPClient != nil && c.HTTPClient.Transport != nil {
		w.base = c.HTTPClient.Transport
	}
	return w
}

func (w *wire) counts() map[string]int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.byKinds)
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet {
		return w.once(r)
	}
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval = w.pause
	pause.MaxInterval = 10 * w.pause
	resp, err := backoff.Retry(r.Context(), func() (*http.Response, error) {
		resp, err := w.once(r)
		var answer *answerError
		switch {
		case err == nil:
			return resp, nil
		case r.Context().Err() != nil:
			return nil, backoff.Permanent(err)
		case !errors.As(err, &answer):
			return nil, err
		case !answer.temporary() || answer.retryAfter > patience:
			return nil, backoff.Permanent(err)
		case answer.retryAfter > 0:
			return nil, again{answer, &backoff.RetryAfterError{Duration: answer.retryAfter}}
		}
		return nil, err
	}, backoff.WithBackOff(pause), backoff.WithMaxTries(tries), backoff.WithNotify(func(err error, d time.Duration) {
		w.log.Debug("asking the forge again", "why", plain(err), "in", d)
	}))
	if err != nil {
		return nil, plain(err)
	}
	return resp, nil
}

// again is an answer that said when to ask again.
type again struct {
	*answerError
	after *backoff.RetryAfterError
}

func (a again) Unwrap() []error { return []error{a.answerError, a.after} }

// once sends the request one time.
func (w *wire) once(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), w.timeout)
	defer cancel()
	w.count(r.Context())
	req := r.Clone(ctx)
	if token := w.token(); token != "" {
		req.Header.Set("Authorization", "token "+token)
	}
	req.Header.Set("Accept", "application/json")

	broken := func(err error) error {
		if ctx.Err() != nil && r.Context().Err() == nil {
			err = fmt.Errorf("no answer within %s", w.timeout)
		}
		return &brokenError{method: r.Method, path: r.URL.Path, cause: err}
	}
	sent := w.now()
	resp, err := w.base.RoundTrip(req)
	if err != nil {
		return nil, broken(err)
	}
	defer resp.Body.Close()
	w.readClock(resp, sent)
	body, err := io.ReadAll(io.LimitReader(resp.Body, biggest+1))
	if err != nil {
		return nil, broken(fmt.Errorf("the answer (status %d) broke off: %w", resp.StatusCode, err))
	}
	if err := judge(r, resp, body); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

func (w *wire) count(ctx context.Context) {
	kind, _ := ctx.Value(kindKey{}).(string)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.byKinds[kind]++
}

// readClock compares the clocks. The header has whole seconds, so half of one is added.
func (w *wire) readClock(resp *http.Response, sent time.Time) {
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return
	}
	now := w.now()
	middle := sent.Add(now.Sub(sent) / 2)
	w.skew.Store(int64(date.Add(500 * time.Millisecond).Sub(middle)))
}

// judge says what is wrong with an answer.
func judge(r *http.Request, resp *http.Response, body []byte) error {
	bad := &answerError{method: r.Method, path: r.URL.Path, status: resp.StatusCode, beginning: beginningOf(body)}
	isJSON := json.Valid(body)
	switch {
	case len(body) > biggest:
		bad.why, bad.beginning = fmt.Sprintf("the answer is larger than %d MiB", biggest>>20), ""
	case resp.StatusCode == http.StatusNoContent || resp.StatusCode/100 == 2 && len(body) == 0 && r.Method != http.MethodGet:
		return nil
	case resp.StatusCode/100 == 2 && isJSON:
		return nil
	case resp.StatusCode/100 == 2 && strings.Contains(resp.Header.Get("Content-Type"), "json"):
		bad.why = "the answer is broken JSON"
	case resp.StatusCode/100 == 2:
		bad.why = "the answer is not JSON"
	case resp.StatusCode/100 == 3:
		bad.location, bad.beginning = beginningOf([]byte(resp.Header.Get("Location"))), ""
	case !isJSON && len(body) > 0 && resp.StatusCode/100 == 4:
		// A proxy or a captive page, not the API: its "not found" says nothing about the thing.
		if resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusTooManyRequests {
			bad.why = "the answer is not from the API"
		}
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		bad.retryAfter = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(resp.Header.Get("Retry-After")); err == nil {
		if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil && at.After(date) {
			bad.retryAfter = at.Sub(date)
		}
	}
	return bad
}
