package adapter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// tries is how often a question is asked altogether: enough to get over a restart
	// of a connection, few enough not to burden a server that is in trouble.
	tries = 3
	// Patience is the longest wait that a server may ask of us within one operation.
	Patience = 10 * time.Second
	// biggest bounds an answer: a list may come in one piece, and each comment may be long.
	biggest = 64 << 20
)

// Question repeats a question until it is answered, fails for good, or was asked often
// enough. once asks it one time. pause is the wait before the first repetition; a
// server that asks for more, but no more than Patience, is given it.
func Question(ctx context.Context, log *slog.Logger, pause time.Duration, once func() (*http.Response, error)) (*http.Response, error) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval = pause
	wait.MaxInterval = 10 * pause
	resp, err := backoff.Retry(ctx, func() (*http.Response, error) {
		resp, err := once()
		answer, answered := errors.AsType[*Error](err)
		_, broken := errors.AsType[*BrokenError](err)
		switch {
		case err == nil:
			return resp, nil
		case ctx.Err() != nil || !answered && !broken:
			return nil, backoff.Permanent(err)
		case broken:
			return nil, err
		case !answer.Temporary() || answer.Limited != nil || answer.RetryAfter > Patience:
			return nil, backoff.Permanent(err)
		case answer.RetryAfter > 0:
			return nil, again{answer, &backoff.RetryAfterError{Duration: answer.RetryAfter}}
		}
		return nil, err
	}, backoff.WithBackOff(wait), backoff.WithMaxTries(tries), backoff.WithNotify(func(err error, d time.Duration) {
		log.Debug("asking the forge again", "why", Plain(err), "in", d)
	}))
	if err != nil {
		return nil, Plain(err)
	}
	return resp, nil
}

// again is an answer that said when to ask again.
type again struct {
	answer *Error
	after  *backoff.RetryAfterError
}

func (a again) Error() string   { return a.answer.Error() }
func (a again) Unwrap() []error { return []error{a.answer, a.after} }

// Whole sends a request and reads its answer whole, within the limit of time. A request
// without a whole answer is a BrokenError.
func Whole(base http.RoundTripper, r *http.Request, limit time.Duration) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	broken := func(err error) error {
		if ctx.Err() != nil && r.Context().Err() == nil {
			err = fmt.Errorf("no answer within %s", limit)
		}
		return &BrokenError{Method: r.Method, Path: r.URL.Path, Cause: err}
	}
	resp, err := base.RoundTrip(r.Clone(ctx))
	if err != nil {
		return nil, nil, broken(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, biggest+1))
	if err != nil {
		return nil, nil, broken(fmt.Errorf("the answer (status %d) broke off: %w", resp.StatusCode, err))
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, body, nil
}

// Judge says what is wrong with an answer: nil, or an Error.
func Judge(r *http.Request, resp *http.Response, body []byte) error {
	bad := &Error{Method: r.Method, Path: r.URL.Path, Status: resp.StatusCode, Beginning: Beginning(body)}
	isJSON := json.Valid(body)
	switch {
	case len(body) > biggest:
		bad.Why, bad.Beginning = fmt.Sprintf("the answer is larger than %d MiB", biggest>>20), ""
	case resp.StatusCode == http.StatusNoContent || resp.StatusCode/100 == 2 && len(body) == 0 && r.Method != http.MethodGet:
		return nil
	case resp.StatusCode/100 == 2 && isJSON:
		return nil
	case resp.StatusCode/100 == 2 && strings.Contains(resp.Header.Get("Content-Type"), "json"):
		bad.Why = "the answer is broken JSON"
	case resp.StatusCode/100 == 2:
		bad.Why = "the answer is not JSON"
	case resp.StatusCode/100 == 3:
		bad.Location, bad.Beginning = Beginning([]byte(resp.Header.Get("Location"))), ""
	case !isJSON && len(body) > 0 && resp.StatusCode/100 == 4:
		// A proxy or a captive page, not the API: its "not found" says nothing about the thing.
		if resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusTooManyRequests {
			bad.Why = "the answer is not from the API"
		}
	}
	bad.RetryAfter = retryAfter(resp.Header)
	return bad
}

func retryAfter(h http.Header) time.Duration {
	if seconds, err := strconv.Atoi(h.Get("Retry-After")); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 1<<30)) * time.Second
	}
	if at, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		if date, err := http.ParseTime(h.Get("Date")); err == nil && at.After(date) {
			return at.Sub(date)
		}
	}
	return 0
}
