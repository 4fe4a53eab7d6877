package harness

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"seatrial/harness/app"
	"seatrial/harness/failpoint"
	"seatrial/harness/run"
	"seatrial/harness/tree"
)

const (
	// destroyTries is how often the app is destroyed before what is left is named.
	destroyTries = 4
	// teardownLimit leaves room, within the budget, for a stage that is slow to stop.
	teardownLimit = run.TeardownBudget - stopGrace
	// oneDestroy is for one try: a platform that hangs once may answer the next time.
	oneDestroy = time.Minute
)

// tearDown removes everything that the run made and names what it could not
// remove. It has a context of its own, because the run's may have ended.
func (a *attempt) tearDown(parent context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(parent), teardownLimit)
	defer cancel()
	a.say("tearing down")
	failpoint.Hit("harness:teardown")
	a.reach.Store(nil)
	var swept run.Swept
	if a.app != nil {
		swept = a.destroy(ctx, a.app, a.label())
		swept.Removed += a.removed
	}
	// What it depends on goes after it, the last one first.
	for _, h := range a.endDeps() {
		h.reach.Store(nil)
		if h.app != nil {
			more := a.destroy(ctx, h.app, h.Label)
			swept.Removed += more.Removed
			swept.Leftovers = append(swept.Leftovers, more.Leftovers...)
		}
	}
	left := func(kind, name string, err error) {
		if err != nil {
			a.Logger.Error("teardown left something behind", "run", a.Request.ID, "kind", kind, "name", name, "err", err)
			swept.Leftovers = append(swept.Leftovers, run.Leftover{Kind: kind, Name: name, Detail: err.Error()})
		}
	}
	left("snapshots", string(a.Request.ID), safely(func() error { return a.Vault.Forget(ctx, a.Request.ID) }))
	left("folder", a.checkout(), tree.Remove(a.checkout()))
	left("folder", a.scratch(), tree.Remove(a.scratch()))
	left("folder", a.depsFolder(), tree.Remove(a.depsFolder()))
	if a.front != nil {
		left("gateway", a.front.Addr(), safely(a.front.Close))
	}
	for _, h := range a.helpers.all {
		left("gateway", h.front.Addr(), safely(h.front.Close))
	}
	a.Emit(run.Event{Kind: run.KindTornDown}.With(swept))
}

// destroy destroys an app until nothing of it is listed any more.
func (a *attempt) destroy(ctx context.Context, it app.App, label string) run.Swept {
	var swept run.Swept
	if before, err := inventory(ctx, it); err == nil {
		swept.Removed = len(before)
	}
	var left []app.Object
	again := backoff.NewExponentialBackOff()
	again.InitialInterval, again.MaxInterval = 200*time.Millisecond, 5*time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		inner, cancel := context.WithTimeout(ctx, oneDestroy)
		defer cancel()
		destroyed := safely(func() error { return it.Destroy(inner) })
		var err error
		if left, err = inventory(inner, it); err != nil {
			return struct{}{}, errors.Join(destroyed, err)
		}
		if len(left) > 0 {
			return struct{}{}, errors.Join(destroyed, fmt.Errorf("%d objects are left", len(left)))
		}
		// An empty list is the proof; what Destroy complained about is gone.
		return struct{}{}, nil
	}, backoff.WithBackOff(again), backoff.WithMaxTries(destroyTries), backoff.WithMaxElapsedTime(teardownLimit))
	if err == nil {
		return swept
	}
	a.Logger.Error("cannot destroy the app", "run", a.Request.ID, "err", err)
	swept.Removed = max(0, swept.Removed-len(left))
	for _, o := range left {
		swept.Leftovers = append(swept.Leftovers, run.Leftover{Kind: o.Kind, Name: o.ID, Detail: o.Detail})
	}
	if len(left) == 0 {
		swept.Leftovers = append(swept.Leftovers, run.Leftover{Kind: "unknown", Name: label, Detail: err.Error()})
	}
	return swept
}

func inventory(ctx context.Context, it app.App) (objects []app.Object, err error) {
	err = safely(func() (err error) {
		objects, err = it.Inventory(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot list what is left: %w", err)
	}
	return objects, nil
}

// safely turns a panic into an error: the rest of the teardown must happen.
func safely(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a mistake in this program: %v", p)
		}
	}()
	return do()
}

// lastWord is the finished event, with what the run was seen to take.
func (a *attempt) lastWord() run.Event {
	last, seen := run.Event{Kind: run.KindFinished}, run.Measured{Backup: a.kept}
	if meter, ok := a.app.(app.Meter); ok {
		used := meter.Used()
		seen.Memory, seen.Images, seen.Volumes = used.Memory, used.Images, used.Volumes
	}
	if seen == (run.Measured{}) {
		return last
	}
	return last.With(seen)
}
