package github

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// ErrKept: what is left of the limit is kept for telling people how their runs are. It
// comes with a forge.LimitedError.
var ErrKept = errors.New("what is left of the limit is kept for reporting")

// keptShare is the part of the limit that polling leaves alone: one in so many.
const keptShare = 5

// polling are the kinds of request that can wait.
var polling = map[string]bool{"comments": true, "sweep": true, "branch": true}

// gate keeps an account to what the server said about its limits. The zero value lets
// everything through.
type gate struct {
	mu     sync.Mutex
	budget forge.Budget // Reset is by our own clock
	closed *forge.LimitedError
}

// may says whether a request of a kind may be sent now.
func (g *gate) may(kind string, now time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed != nil && now.Before(g.closed.Until) {
		return g.closed
	}
	g.closed = nil
	b := g.budget
	if polling[kind] && b.Limit > 0 && b.Left*keptShare < b.Limit && now.Before(b.Reset) {
		return fmt.Errorf("%w: %w", ErrKept, &forge.LimitedError{Until: b.Reset, Why: fmt.Sprintf("%d of %d requests are left", b.Left, b.Limit)})
	}
	return nil
}

// read notes what an answer says about the hour's limit.
func (g *gate) read(h http.Header, now time.Time) {
	if kind := h.Get("X-RateLimit-Resource"); kind != "" && kind != "core" {
		return
	}
	limit, err1 := strconv.Atoi(h.Get("X-RateLimit-Limit"))
	left, err2 := strconv.Atoi(h.Get("X-RateLimit-Remaining"))
	if err1 != nil || err2 != nil || limit <= 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.budget = forge.Budget{Limit: limit, Left: max(0, left), Reset: reset(h, now)}
}

// reset is when the hour is over, by our own clock; an hour from now if the answer does
// not say it.
func reset(h http.Header, now time.Time) time.Time {
	seconds, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil {
		return now.Add(time.Hour)
	}
	at := time.Unix(seconds, 0)
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		return now.Add(at.Sub(date))
	}
	return at
}

// current is the budget; of an hour that is over the whole limit is there again.
func (g *gate) current(now time.Time) forge.Budget {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.budget
	if b.Limit > 0 && !now.Before(b.Reset) {
		b.Left = b.Limit
	}
	return b
}

// refused notes in an answer, and for what follows, that the server asks us to wait.
func (g *gate) refused(answer *adapter.Error, h http.Header, now time.Time) {
	if answer.Status != http.StatusForbidden && answer.Status != http.StatusTooManyRequests {
		return
	}
	switch {
	case answer.RetryAfter > 0:
		answer.Limited = &forge.LimitedError{Until: now.Add(answer.RetryAfter), Why: "it was asked too much at once"}
	case h.Get("X-RateLimit-Remaining") == "0":
		answer.Limited = &forge.LimitedError{Until: reset(h, now), Why: "its hourly limit is used up"}
	case answer.Status == http.StatusTooManyRequests:
		answer.Limited = &forge.LimitedError{Until: now.Add(time.Minute), Why: "it was asked too much at once"}
	default:
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed == nil || g.closed.Until.Before(answer.Limited.Until) {
		g.closed = answer.Limited
	}
}
