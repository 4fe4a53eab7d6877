package announce

import (
	"context"
	"strings"
	"time"
	"unicode"

	"github.com/cenkalti/backoff/v5"

	"seatrial/bridge/forge"
)

// tryLimit is how long one try may take: a few requests to a slow forge.
const tryLimit = 2 * time.Minute

// giveUpAfter is how long a forge that does not answer is tried.
const giveUpAfter = 24 * time.Hour

// worker says one thing. What it remembers is lost with the process; what must not
// be lost lies in the ledger.
type worker struct {
	key   string
	wake  chan struct{}
	slots chan struct{} // of its forge; nil while that is not known

	retry   *backoff.ExponentialBackOff
	failing time.Time // since when; zero while all is well
	logged  string    // the latest error, so that it is logged once

	lastPost      time.Time
	shape         string // what of the report is worth an edit at once
	statusUnknown bool   // one may have been posted without our knowing

	forbidden time.Time // since when the forge does not let us comment; zero while it does
}

func newRetry() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = 2*time.Second, 5*time.Minute
	return b
}

func (a *Announcer) work(ctx context.Context, w *worker, u update) {
	for {
		again, done, err := a.once(ctx, w, u)
		if ctx.Err() != nil {
			a.dismiss(w)
			return
		}
		if err != nil {
			again, done = a.failed(ctx, w, err)
		} else if w.logged != "" {
			w.failing, w.logged = time.Time{}, ""
			w.retry.Reset()
		}
		if done && a.leave(w) {
			return
		}
		if done {
			continue
		}
		if !w.sleep(ctx, again, err != nil) {
			a.dismiss(w)
			return
		}
	}
}

// once takes one of the forge's few slots for one try.
func (a *Announcer) once(ctx context.Context, w *worker, u update) (time.Duration, bool, error) {
	if w.slots == nil {
		id, err := u.forge(ctx)
		if err != nil {
			return 0, false, err
		}
		w.slots = a.slotsOf(id)
	}
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	case <-ctx.Done():
		return 0, false, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, tryLimit)
	defer cancel()
	return u.try(ctx, w)
}

// failed logs an error once, and says when to try again, or that it is time to stop.
func (a *Announcer) failed(ctx context.Context, w *worker, err error) (again time.Duration, done bool) {
	now := a.Now()
	if wait, ok := forge.Wait(err, now); ok { // it is no failure, and ends by itself
		a.warn(w, err)
		return wait, false
	}
	if w.failing.IsZero() {
		w.failing = now
	}
	if now.Sub(w.failing) > giveUpAfter {
		a.Log.Error("gave up saying it on the forge", "what", w.key, "since", w.failing, "err", err)
		if err := a.finish(ctx, w.key); err != nil {
			return w.retry.MaxInterval, false
		}
		return 0, true
	}
	a.warn(w, err)
	return w.retry.NextBackOff(), false
}

func (a *Announcer) warn(w *worker, err error) {
	if text := withoutNumbers(err.Error()); w.logged != text {
		w.logged = text
		a.Log.Warn("cannot say it on the forge yet; will try again", "what", w.key, "err", err)
	}
}

// sleep waits until there may be something to say; false when the context ended.
// After a failure a change is no reason to hurry.
func (w *worker) sleep(ctx context.Context, again time.Duration, failed bool) bool {
	var due <-chan time.Time
	if again > 0 {
		timer := time.NewTimer(again)
		defer timer.Stop()
		due = timer.C
	}
	wake := w.wake
	if failed {
		wake = nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-due:
	case <-wake:
	}
	return true
}

// leave ends the worker unless it was woken meanwhile.
func (a *Announcer) leave(w *worker) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case <-w.wake:
		return false
	default:
		delete(a.workers, w.key)
		return true
	}
}

func (a *Announcer) dismiss(w *worker) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.workers, w.key)
}

// finish records that nothing more will be said.
func (a *Announcer) finish(ctx context.Context, key string) error {
	n, err := a.Memory.Announcement(ctx, key)
	if err != nil {
		return err
	}
	n.Done, n.UpdatedAt = true, a.Now()
	return a.Memory.SetAnnouncement(ctx, n)
}

// withoutNumbers makes two errors equal that differ in ports and times only.
func withoutNumbers(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, text)
}
