package gitea

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// wire carries requests: it signs, counts, limits and repeats them, reads each
// answer whole, and turns every answer that is no use into an error.
type wire struct {
	adapter.Meter
	base    http.RoundTripper
	token   func() string
	now     func() time.Time
	log     *slog.Logger
	timeout time.Duration
	pause   time.Duration
}

func newWire(c Config) *wire {
	w := &wire{token: c.Token, now: c.Now, log: c.Log, timeout: c.Timeout, pause: c.RetryPause}
	w.base = http.DefaultTransport
	if c.HTTPClient != nil && c.HTTPClient.Transport != nil {
		w.base = c.HTTPClient.Transport
	}
	return w
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet {
		return w.once(r)
	}
	return adapter.Question(r.Context(), w.log, w.pause, func() (*http.Response, error) { return w.once(r) })
}

// once sends the request one time.
func (w *wire) once(r *http.Request) (*http.Response, error) {
	w.Count(r.Context())
	req := r.Clone(r.Context())
	if token := w.token(); token != "" {
		req.Header.Set("Authorization", "token "+token)
	}
	req.Header.Set("Accept", "application/json")
	sent := w.now()
	resp, body, err := adapter.Whole(w.base, req, w.timeout)
	if err != nil {
		return nil, err
	}
	w.ReadClock(resp.Header, sent, w.now())
	if err := adapter.Judge(r, resp, body); err != nil {
		w.limited(err)
		if answer, ok := errors.AsType[*adapter.Error](err); ok {
			answer.NewName, answer.Moved = newRepo(answer)
		}
		return nil, err
	}
	return resp, nil
}

// limited notes in an answer that the server, or a proxy in front of it, wants to be left
// alone for longer than one operation waits. Gitea itself sets no limit.
func (w *wire) limited(err error) {
	answer, ok := errors.AsType[*adapter.Error](err)
	if !ok || answer.RetryAfter <= adapter.Patience {
		return
	}
	switch answer.Status {
	case http.StatusTooManyRequests:
		answer.Limited = &forge.LimitedError{Until: w.now().Add(answer.RetryAfter), Why: "it was asked too much at once"}
	case http.StatusServiceUnavailable:
		answer.Limited = &forge.LimitedError{Until: w.now().Add(answer.RetryAfter), Why: "it is being maintained"}
	}
}
