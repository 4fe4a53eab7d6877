// Package queue holds the requests that wait and the slots that runs take. It is
// the only place that knows the capacity.
//
// It lives in memory and is made again at the start from the journal's runs: what
// it promises is therefore only as durable as what its caller writes down. A
// request is handed out once, first come first served among those whose needs are
// met and which are prepared. A slot is free again when its run was released and nothing of it is left;
// until then it counts as taken, because what is left uses the machine.
package queue

import (
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"seatrial/harness/run"
)

// maxRemembered is how many runs that are over the queue knows, so that a late
// repeat of one does not run it again.
const maxRemembered = 4096

// Config says what there is to give.
type Config struct {
	// Capacity is how many runs there may be at once; less than 1 means 1.
	Capacity int
	// Offers says what there is now: a set of capabilities for each kind of slot. A
	// request runs where one set has all that it needs; else it waits, and lets those
	// behind it pass; see Unmet and Look. nil: no capabilities.
	Offers func() [][]string
	// Prepares says whether a request has to be prepared before it is handed out; see
	// ToPrepare. nil: none has.
	Prepares func(run.Request) bool
	// Grace is what a lease lasts beyond the request's limit, for the teardown.
	// Default: run.TeardownBudget.
	Grace time.Duration
	// Now is the time; default time.Now.
	Now func() time.Time
}

// Queue is safe for concurrent use. Make one with New.
type Queue struct {
	config Config

	mu      sync.Mutex
	waiting []waiting // by turn
	turns   int64
	slots   map[int]*slot // the taken and dirty ones, by number
	over    *lru.Cache[run.ID, struct{}]
	history history
	changed chan struct{} // closed, and made anew, when a Take may succeed
}

// waiting is a request and its turn: the lower ones come first.
type waiting struct {
	request run.Request
	turn    int64
	since   time.Time
	readiness
	gone chan struct{} // while it is being prepared: closed when it waits no more
}

// slot is one that is not free.
type slot struct {
	waiting   // what it was
	taken     time.Time
	lease     run.Lease
	dirty     bool
	leftovers []run.Leftover
}

// New returns a queue in which nothing waits.
func New(c Config) *Queue {
	c.Capacity = max(c.Capacity, 1)
	if c.Grace <= 0 {
		c.Grace = run.TeardownBudget
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	over, _ := lru.New[run.ID, struct{}](maxRemembered) // fails for sizes below 1 only
	return &Queue{config: c, slots: map[int]*slot{}, over: over, history: history{}, changed: make(chan struct{})}
}

// Unmet returns the needs that no slot meets: a request with one would wait for ever.
// Needs that are met, but never all by one slot, are what the best slot lacks.
func (q *Queue) Unmet(needs []string) []string {
	if len(needs) == 0 {
		return nil
	}
	var kinds [][]string
	if q.config.Offers != nil {
		kinds = q.config.Offers()
	}
	best := needs
	for _, offered := range kinds {
		if missing := lacking(needs, offered); len(missing) < len(best) {
			best = missing
		}
	}
	return slices.Clone(best)
}

func lacking(needs, offered []string) (missing []string) {
	for _, need := range needs {
		if !slices.Contains(offered, need) {
			missing = append(missing, need)
		}
	}
	return missing
}

// Look lets what waits be looked at again: what is offered may have changed.
func (q *Queue) Look() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wake()
}

// Add puts a request at the end, and says whether it did. A run that waits, has a
// slot, or is over, changes nothing.
func (q *Queue) Add(r run.Request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.add(r, q.config.Now())
}

func (q *Queue) add(r run.Request, since time.Time) bool {
	if q.place(r.ID) >= 0 || q.slotOf(r.ID) != nil || q.over.Contains(r.ID) {
		return false
	}
	q.turns++
	w := waiting{request: r, turn: q.turns, since: since}
	if q.config.Prepares != nil && q.config.Prepares(r) {
		w.readiness = isUnprepared
	}
	q.waiting = append(q.waiting, w)
	q.wake()
	return true
}

// Release ends a run's right to its slot. With leftovers the slot stays dirty, and
// taken, until Clean; a dirty slot that is released again has the new leftovers.
// It says whether the run had a slot.
func (q *Queue) Release(id run.ID, leftovers []run.Leftover) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	number, s := q.find(id)
	if s == nil {
		return false
	}
	if !s.dirty {
		q.history.add(s.request.Recipe, q.config.Now().Sub(s.taken))
	}
	switch {
	case len(leftovers) > 0:
		s.dirty, s.leftovers = true, slices.Clone(leftovers)
	case !s.dirty:
		q.free(number)
	}
	return true
}

// Clean frees a dirty slot: somebody looked, and nothing is left.
func (q *Queue) Clean(id run.ID) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	number, s := q.find(id)
	if s == nil || !s.dirty {
		return false
	}
	q.free(number)
	return true
}

// Remove takes a request out that waits: it was cancelled or superseded. It says
// whether it waited; a run that has a slot is not touched.
func (q *Queue) Remove(id run.ID) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := q.place(id)
	if i < 0 {
		return false
	}
	if gone := q.waiting[i].gone; gone != nil {
		close(gone)
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	q.over.Add(id, struct{}{})
	return true
}

func (q *Queue) free(number int) {
	q.over.Add(q.slots[number].request.ID, struct{}{})
	delete(q.slots, number)
	q.wake()
}

func (q *Queue) place(id run.ID) int {
	return slices.IndexFunc(q.waiting, func(w waiting) bool { return w.request.ID == id })
}

func (q *Queue) find(id run.ID) (int, *slot) {
	for number, s := range q.slots {
		if s.request.ID == id {
			return number, s
		}
	}
	return 0, nil
}

func (q *Queue) slotOf(id run.ID) *slot {
	_, s := q.find(id)
	return s
}

func (q *Queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}
