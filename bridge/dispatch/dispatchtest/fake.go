package dispatchtest

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"sync"
	"time"

	"seatrial/bridge/dispatch"
	"seatrial/harness/run"
)

// Fake is an executor in memory. Its runs do what Script says, event by event.
type Fake struct {
	// Script says what the attempt does. It appends events with emit (numbering is
	// done for it) and returns whether it ended with its last word; the context ends
	// when it is asked to stop. It is called once an attempt, on its own goroutine.
	Script func(ctx context.Context, r run.Request, attempt int, emit func(run.Event)) (lastWord bool)
	// Refuse, if set, is asked before an attempt is accepted.
	Refuse func(r run.Request, attempt int) error
	// Left is what Sweep finds and cannot remove.
	Left func(id run.ID, attempt int) []run.Leftover

	mu       sync.Mutex
	attempts map[string]*attempt
	started  map[string]int
	wg       sync.WaitGroup
}

type attempt struct {
	events  []run.Event
	changed chan struct{}
	phase   dispatch.Phase
	cause   dispatch.Cause
	stop    context.CancelFunc
	swept   int
}

func key(id run.ID, n int) string { return fmt.Sprintf("%s/%d", id, n) }

// Dispatch starts an attempt once.
func (f *Fake) Dispatch(_ context.Context, r run.Request, n int, _ run.Lease) error {
	if f.Refuse != nil {
		if err := f.Refuse(r, n); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.attempts == nil {
		f.attempts, f.started = map[string]*attempt{}, map[string]int{}
	}
	k := key(r.ID, n)
	if f.attempts[k] != nil {
		return nil
	}
	// A run outlives the call that asked for it.
	ctx, stop := context.WithCancel(context.Background())
	a := &attempt{phase: dispatch.Running, stop: stop, changed: make(chan struct{})}
	f.attempts[k] = a
	f.started[k]++
	f.wg.Add(1)
	go func() {
		defer f.wg.Done()
		defer stop()
		lastWord := f.Script(ctx, r, n, func(e run.Event) {
			f.mu.Lock()
			defer f.mu.Unlock()
			e.Run, e.Attempt, e.Source, e.Seq = r.ID, n, run.Harness, int64(len(a.events)+1)
			if e.At.IsZero() {
				e.At = time.Now()
			}
			a.events = append(a.events, e)
			f.wake(a)
		})
		f.mu.Lock()
		defer f.mu.Unlock()
		a.phase = dispatch.Lost
		if lastWord {
			a.phase = dispatch.Complete
		}
		f.wake(a)
	}()
	return nil
}

func (f *Fake) wake(a *attempt) {
	close(a.changed)
	a.changed = make(chan struct{})
}

func (f *Fake) find(id run.ID, n int) *attempt {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.attempts[key(id, n)]
}

// Follow yields the attempt's events.
func (f *Fake) Follow(ctx context.Context, id run.ID, n int, after int64) iter.Seq2[run.Event, error] {
	return func(yield func(run.Event, error) bool) {
		a := f.find(id, n)
		if a == nil {
			return
		}
		for {
			f.mu.Lock()
			changed, over := a.changed, a.phase.Over()
			events := append([]run.Event(nil), a.events...)
			f.mu.Unlock()
			for _, e := range events {
				if e.Seq <= after {
					continue
				}
				after = e.Seq
				if !yield(e, nil) {
					return
				}
			}
			if over {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-changed:
			}
		}
	}
}

// State tells the phase.
func (f *Fake) State(_ context.Context, id run.ID, n int) (dispatch.State, error) {
	a := f.find(id, n)
	if a == nil {
		return dispatch.State{Phase: dispatch.Unknown}, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return dispatch.State{Phase: a.phase, Cause: a.cause}, nil
}

// Stop asks the script to stop.
func (f *Fake) Stop(_ context.Context, id run.ID, n int) error {
	if a := f.find(id, n); a != nil {
		a.stop()
	}
	return nil
}

// End asks the script to stop as the executor itself would, for a cause of its own.
func (f *Fake) End(id run.ID, n int, cause dispatch.Cause) {
	a := f.find(id, n)
	f.mu.Lock()
	a.cause = cause
	f.mu.Unlock()
	a.stop()
}

// Sweep scolds a caller who sweeps what still runs.
func (f *Fake) Sweep(_ context.Context, id run.ID, n int) (run.Swept, error) {
	a := f.find(id, n)
	f.mu.Lock()
	defer f.mu.Unlock()
	if a != nil && !a.phase.Over() {
		return run.Swept{}, fmt.Errorf("cannot sweep run %s: it is still %s", id, a.phase)
	}
	if a != nil {
		a.swept++
	}
	if f.Left == nil {
		return run.Swept{}, nil
	}
	return run.Swept{Leftovers: f.Left(id, n)}, nil
}

func (f *Fake) Live(context.Context) ([]dispatch.Attempt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var live []dispatch.Attempt
	for k, a := range f.attempts {
		id, n, _ := strings.Cut(k, "/")
		if number, _ := strconv.Atoi(n); !a.phase.Over() {
			live = append(live, dispatch.Attempt{Run: run.ID(id), Attempt: number, Name: k})
		}
	}
	return live, nil
}

// Started says how often an attempt was really started.
func (f *Fake) Started(id run.ID, n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.started[key(id, n)]
}

// Swept says how often an attempt was swept.
func (f *Fake) Swept(id run.ID, n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a := f.attempts[key(id, n)]; a != nil {
		return a.swept
	}
	return 0
}

// Close stops every script and waits for it.
func (f *Fake) Close() {
	f.mu.Lock()
	for _, a := range f.attempts {
		a.stop()
	}
	f.mu.Unlock()
	f.wg.Wait()
}

var (
	_ dispatch.Dispatcher = (*Fake)(nil)
	_ dispatch.Census     = (*Fake)(nil)
)
