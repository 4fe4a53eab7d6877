package github

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

const (
	agent      = "seatrial"
	apiVersion = "2022-11-28"
)

// aim says what a request is about, and so by whose account it is sent.
type aim struct {
	owner, repo string   // without a repo: about an organisation
	account     *account // if it is known already
}

type aimKey struct{}

func (a aim) in(ctx context.Context) context.Context { return context.WithValue(ctx, aimKey{}, a) }

// wire carries requests: it finds the account, keeps to the limits, remembers answers
// so that the same ones are free, repeats questions, and turns every answer that is no
// use into an error.
type wire struct {
	adapter.Meter
	send  *sender
	cache *cache
	now   func() time.Time
	log   *slog.Logger
	pause time.Duration

	home  func(context.Context, aim) (*account, error) // by whose account to ask
	leave func(aim)                                    // that account is no longer at home there; may be nil
	all   func() []*account
}

func newWire(c Config) *wire {
	w := &wire{cache: newCache(cacheBytes), now: c.Now, log: c.Log, pause: c.RetryPause}
	w.send = &sender{base: http.DefaultTransport, meter: &w.Meter, now: c.Now, timeout: c.Timeout}
	if c.HTTPClient != nil && c.HTTPClient.Transport != nil {
		w.send.base = c.HTTPClient.Transport
	}
	return w
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	to, _ := ctx.Value(aimKey{}).(aim)
	a := to.account
	if a == nil {
		var err error
		if a, err = w.home(ctx, to); err != nil {
			return nil, err
		}
	}
	ask := func() (*http.Response, error) { return w.renewing(a, to, r) }
	if r.Method == http.MethodGet {
		return adapter.Question(ctx, w.log, w.pause, ask)
	}
	done, err := a.pace.enter(ctx, r.Method)
	if err != nil {
		return nil, err
	}
	defer done()
	return ask()
}

// renewing sends a request, and once more if the account's token was over: what was
// answered by 401 has had no effect.
func (w *wire) renewing(a *account, to aim, r *http.Request) (*http.Response, error) {
	resp, err := w.once(a, r)
	if errors.Is(err, forge.ErrUnauthorized) && a.signer.renew() {
		resp, err = w.once(a, r)
	}
	gone := errors.Is(err, forge.ErrUnauthorized) || errors.Is(err, forge.ErrForbidden) || errors.Is(err, forge.ErrNotFound)
	if gone && w.leave != nil && to.account == nil {
		w.leave(to)
	}
	return resp, err
}

// once sends a request one time.
func (w *wire) once(a *account, r *http.Request) (*http.Response, error) {
	if err := a.gate.may(adapter.Kind(r.Context()), w.now()); err != nil {
		return nil, err
	}
	req := r.Clone(r.Context())
	key, known := "", (*entry)(nil)
	if r.Method == http.MethodGet {
		key = a.signer.id() + " " + r.URL.String()
		if known = w.cache.get(key); known != nil {
			req.Header.Set("If-None-Match", known.etag)
		}
	}
	resp, err := a.send.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body) // it is in memory
	if err != nil {
		return nil, err
	}
	a.gate.read(resp.Header, w.now())
	if resp.StatusCode == http.StatusNotModified && known != nil {
		if body, err = known.body(); err != nil {
			return nil, err
		}
		resp.StatusCode, resp.Status = http.StatusOK, "200 OK"
		resp.Header.Set("Link", known.link)
	} else if err := adapter.Judge(r, resp, body); err != nil {
		if answer, ok := errors.AsType[*adapter.Error](err); ok {
			a.gate.refused(answer, resp.Header, w.now())
			answer.Moved = strings.Contains(answer.Location, "/repositories/") // and not a proxy's
		}
		return nil, err
	} else if key != "" {
		w.cache.put(key, resp.Header, body)
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	forgetLimits(resp.Header)
	return resp, nil
}

// forgetLimits keeps the library from limits of its own: ours know what is free.
func forgetLimits(h http.Header) {
	maps.DeleteFunc(h, func(name string, _ []string) bool { return strings.HasPrefix(strings.ToLower(name), "x-ratelimit-") })
}

// sender sends a signed request one time, counts it, and reads the answer whole.
type sender struct {
	base    http.RoundTripper
	meter   *adapter.Meter
	now     func() time.Time
	timeout time.Duration
}

// bareWait is how long GitHub's documentation asks to wait where an answer does not say.
const bareWait = "60"

func (s *sender) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if strings.HasSuffix(r.URL.Path, "/access_tokens") { // the library asks for an installation's token
		ctx = adapter.WithKind(ctx, "app")
	}
	s.meter.Count(ctx)
	req := r.Clone(ctx)
	req.Header.Set("User-Agent", agent)
	req.Header.Set("X-GitHub-Api-Version", apiVersion)
	if r.GetBody != nil { // it may be sent a second time
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		req.Body = body
	}
	sent := s.now()
	resp, body, err := adapter.Whole(s.base, req, s.timeout)
	if err != nil {
		return nil, err
	}
	s.meter.ReadClock(resp.Header, sent, s.now())
	refused := resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusTooManyRequests
	if refused && resp.Header.Get("Retry-After") == "" && resp.Header.Get("X-RateLimit-Remaining") != "0" && bytes.Contains(body, []byte("secondary rate limit")) {
		resp.Header.Set("Retry-After", bareWait)
	}
	return resp, nil
}
