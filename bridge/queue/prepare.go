package queue

import (
	"context"
	"fmt"
	"slices"

	"seatrial/harness/run"
)

// readiness says how far the preparation of a request is. It is not handed out before
// it is ready, and lets those behind it pass.
type readiness int

const (
	isReady readiness = iota
	isUnprepared
	isPreparing
)

// ToPrepare waits for a request that has to be prepared, the foremost first, and gives
// it to the caller, who must say Prepared. gone is closed when the request waits no
// more. An error means that the context ended, and that nothing was given.
func (q *Queue) ToPrepare(ctx context.Context) (r run.Request, gone <-chan struct{}, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return run.Request{}, nil, fmt.Errorf("cannot prepare a request: %w", err)
		}
		r, gone, changed, ok := q.tryPrepare()
		if ok {
			return r, gone, nil
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
}

func (q *Queue) tryPrepare() (run.Request, <-chan struct{}, <-chan struct{}, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.IndexFunc(q.waiting, func(w waiting) bool {
		return w.readiness == isUnprepared && len(q.Unmet(w.request.Needs)) == 0
	})
	if i < 0 {
		return run.Request{}, nil, q.changed, false
	}
	w := &q.waiting[i]
	w.readiness, w.gone = isPreparing, make(chan struct{})
	return w.request, w.gone, nil, true
}

// Prepared lets a request be taken that was being prepared, whatever came of it.
func (q *Queue) Prepared(id run.ID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := q.place(id); i >= 0 && q.waiting[i].readiness == isPreparing {
		q.waiting[i].readiness, q.waiting[i].gone = isReady, nil
		q.wake()
	}
}

// Preparing says whether a request waits and is being prepared.
func (q *Queue) Preparing(id run.ID) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := q.place(id)
	return i >= 0 && q.waiting[i].readiness == isPreparing
}
