package nomadfake

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// hurry is how often one may ask the same at most, a second, again and again.
const hurry = 20

// ledger counts requests, and remembers complaints.
type ledger struct {
	mu         sync.Mutex
	requests   map[string]int
	recent     map[string][]time.Time // by request with its parameters
	complaints map[string]int         // how often
}

func newLedger() ledger {
	return ledger{requests: map[string]int{}, recent: map[string][]time.Time{}, complaints: map[string]int{}}
}

func (l *ledger) count(r route, q *ask) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests[r.pattern]++
	if q.namespace == "" && r.spaced() {
		l.complaints[fmt.Sprintf("%s names no namespace", r.pattern)]++
	}
	if !strings.HasPrefix(r.pattern, "GET ") || r.long {
		return
	}
	same := q.URL.String()
	now := time.Now()
	times := append(l.recent[same], now)
	times = slices.DeleteFunc(times, func(t time.Time) bool { return now.Sub(t) > time.Second })
	if l.recent[same] = times; len(times) > hurry {
		l.complaints[fmt.Sprintf("%s is asked more than %d times a second: %s", r.pattern, hurry, same)]++
	}
}

// spaced says whether what is asked for lies in a namespace.
func (r route) spaced() bool {
	for _, prefix := range []string{"/v1/job", "/v1/alloc", "/v1/evaluation", "/v1/var", "/v1/event", "/v1/client/fs"} {
		if strings.Contains(r.pattern, prefix) {
			return true
		}
	}
	return false
}

// complain remembers a misuse.
func (f *Fake) complain(format string, args ...any) {
	f.ledger.mu.Lock()
	defer f.ledger.mu.Unlock()
	f.ledger.complaints[fmt.Sprintf(format, args...)]++
}

// Complaints are what was done to the cluster that a good client does not do. Each is
// said once, however often it was done.
func (f *Fake) Complaints() []string {
	f.ledger.mu.Lock()
	defer f.ledger.mu.Unlock()
	return slices.Sorted(maps.Keys(f.ledger.complaints))
}

// Forgive forgets the complaints, where a test means to make some.
func (f *Fake) Forgive() {
	f.ledger.mu.Lock()
	defer f.ledger.mu.Unlock()
	clear(f.ledger.complaints)
}

// Requests counts what was asked, by method and route such as "GET /v1/jobs".
func (f *Fake) Requests() map[string]int {
	f.ledger.mu.Lock()
	defer f.ledger.mu.Unlock()
	return maps.Clone(f.ledger.requests)
}
