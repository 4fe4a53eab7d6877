package adapter

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

type kindKey struct{}

// WithKind says what the requests of an operation are counted as.
func WithKind(ctx context.Context, kind string) context.Context {
	return context.WithValue(ctx, kindKey{}, kind)
}

// Kind is what WithKind said; empty if it did not.
func Kind(ctx context.Context) string {
	kind, _ := ctx.Value(kindKey{}).(string)
	return kind
}

// Meter counts requests and compares clocks. The zero value is ready; it may be used
// from many goroutines.
type Meter struct {
	skew atomic.Int64 // of the last answer

	mu      sync.Mutex
	byKinds map[string]int64
}

// Count counts a request as the context's kind.
func (m *Meter) Count(ctx context.Context) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byKinds == nil {
		m.byKinds = map[string]int64{}
	}
	m.byKinds[Kind(ctx)]++
}

// Counts are the requests so far, by kind.
func (m *Meter) Counts() map[string]int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.byKinds)
}

// ServerTime is when the server answered, by its own clock.
func ServerTime(h http.Header) (time.Time, error) {
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return time.Time{}, errors.New("the forge's answer has no Date header, so its time is not known")
	}
	return now.UTC(), nil
}

// ReadClock compares the clocks, for a request that was sent and answered at these times
// of ours. The server's has whole seconds, so half of one is added.
func (m *Meter) ReadClock(h http.Header, sent, now time.Time) {
	date, err := ServerTime(h)
	if err != nil {
		return
	}
	middle := sent.Add(now.Sub(sent) / 2)
	m.skew.Store(int64(date.Add(500 * time.Millisecond).Sub(middle)))
}

// Skew is how far the server's clock is ahead of ours, as of its last answer.
func (m *Meter) Skew() time.Duration { return time.Duration(m.skew.Load()) }
