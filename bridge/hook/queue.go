package hook

import (
	"context"
	"strings"
	"sync"
	"time"

	"seatrial/bridge/forge"
)

// key is what an event is about. Two events of one key are one nudge.
type key struct {
	kind   Kind
	repo   forge.Repo // in lower case: forges do not tell the cases apart
	pull   int
	commit string
}

func keyOf(e Event) key {
	k := key{kind: e.Kind, repo: forge.Repo{Forge: e.Repo.Forge, Owner: strings.ToLower(e.Repo.Owner), Name: strings.ToLower(e.Repo.Name)}}
	switch e.Kind {
	case Pull:
		k.pull = e.Pull
	case MergeGroup:
		k.commit = e.Commit
	}
	return k // a repository's comments are read together, and so is its branch
}

func (k key) everything() key { return key{kind: Everything, repo: k.repo} }

// waiting is an event whose turn has not come.
type waiting struct {
	event Event
	since time.Time // of the first of those that are one
}

// queue holds what is to be delivered: at most max events, and one more for each
// repository. An event that comes while its like is being delivered waits for that, and so
// does one of a forge of which atOnce are: another forge's do not wait for it.
type queue struct {
	max int

	mu      sync.Mutex
	order   []key
	waiting map[key]waiting
	active  map[key]bool
	byForge map[string]int // how many of active
	wake    chan struct{}
}

func newQueue(max int) *queue {
	return &queue{max: max, waiting: map[key]waiting{}, active: map[key]bool{}, byForge: map[string]int{}, wake: make(chan struct{}, 1)}
}

// put has an event delivered. Where there is no room, all of its repository will be
// looked at instead; only a merge group cannot be found that way, and is refused.
func (q *queue) put(e Event, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	k := keyOf(e)
	if w, ok := q.waiting[k]; ok {
		q.waiting[k] = waiting{e, w.since}
		return true
	}
	if _, ok := q.waiting[k.everything()]; ok && e.Kind != MergeGroup {
		return true
	}
	if len(q.order) >= q.max {
		if e.Kind == MergeGroup {
			return false
		}
		k, e = k.everything(), Event{Forge: e.Forge, Kind: Everything, Repo: e.Repo, Delivery: e.Delivery}
	}
	q.order = append(q.order, k)
	q.waiting[k] = waiting{e, now}
	q.signal()
	return true
}

// take waits for the next event that nobody delivers the like of. ok is false when the
// context ends.
func (q *queue) take(ctx context.Context) (w waiting, ok bool) {
	for ctx.Err() == nil {
		if w, ok := q.next(); ok {
			return w, true
		}
		select {
		case <-ctx.Done():
		case <-q.wake:
		}
	}
	return waiting{}, false
}

func (q *queue) next() (w waiting, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, k := range q.order {
		if q.active[k] || q.byForge[k.repo.Forge] >= atOnce {
			continue
		}
		w = q.waiting[k]
		delete(q.waiting, k)
		q.order = append(q.order[:i], q.order[i+1:]...)
		q.active[k] = true
		q.byForge[k.repo.Forge]++
		if len(q.order) > 0 {
			q.signal() // for the next one who waits
		}
		return w, true
	}
	return waiting{}, false
}

// done says that an event was delivered.
func (q *queue) done(w waiting) {
	q.mu.Lock()
	defer q.mu.Unlock()
	k := keyOf(w.event)
	delete(q.active, k)
	q.byForge[k.repo.Forge]--
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
