package bridge_test

import (
	"context"
	"time"

	"seatrial/bridge"
	"seatrial/bridge/attempt"
	"seatrial/bridge/dispatch/dispatchtest"
	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// What the bridge changes in the world goes through these, so that it can die
// before or after each change.

type mortalForge struct {
	bridge.Client
	m *mortal
}

// copying is one that copies repositories, too.
type copying struct {
	mortalForge
	attempt.Copier
}

func (f mortalForge) React(ctx context.Context, repo forge.Repo, comment int64, reaction string) error {
	return f.m.do(func() error { return f.Client.React(ctx, repo, comment, reaction) })
}

func (f mortalForge) CreateComment(ctx context.Context, repo forge.Repo, pull int, body string) (id int64, err error) {
	err = f.m.do(func() error {
		id, err = f.Client.CreateComment(ctx, repo, pull, body)
		return err
	})
	return id, err
}

func (f mortalForge) EditComment(ctx context.Context, repo forge.Repo, id int64, body string) error {
	return f.m.do(func() error { return f.Client.EditComment(ctx, repo, id, body) })
}

func (f mortalForge) SetStatus(ctx context.Context, repo forge.Repo, commit string, s forge.Status) error {
	return f.m.do(func() error { return f.Client.SetStatus(ctx, repo, commit, s) })
}

type mortalExecutor struct {
	*dispatchtest.Fake
	m *mortal
}

func (p mortalExecutor) Dispatch(ctx context.Context, r run.Request, attempt int, lease run.Lease) error {
	return p.m.do(func() error { return p.Fake.Dispatch(ctx, r, attempt, lease) })
}

func (p mortalExecutor) Stop(ctx context.Context, id run.ID, attempt int) error {
	return p.m.do(func() error { return p.Fake.Stop(ctx, id, attempt) })
}

func (p mortalExecutor) Sweep(ctx context.Context, id run.ID, attempt int) (swept run.Swept, err error) {
	err = p.m.do(func() error {
		swept, err = p.Fake.Sweep(ctx, id, attempt)
		return err
	})
	return swept, err
}

type mortalMemory struct {
	memory
	m *mortal
}

// memory is the journal and the ledger, which lie together.
type memory interface {
	journal.Journal
	ledger.Ledger
}

func (l mortalMemory) Append(ctx context.Context, events ...run.Event) error {
	return l.m.do(func() error { return l.memory.Append(ctx, events...) })
}

func (l mortalMemory) SetCursor(ctx context.Context, scope string, c forge.Cursor) error {
	return l.m.do(func() error { return l.memory.SetCursor(ctx, scope, c) })
}

func (l mortalMemory) See(ctx context.Context, c forge.Comment, s ledger.State) (isNew bool, err error) {
	err = l.m.do(func() error {
		isNew, err = l.memory.See(ctx, c, s)
		return err
	})
	return isNew, err
}

func (l mortalMemory) Reacted(ctx context.Context, forgeID string, comment int64) error {
	return l.m.do(func() error { return l.memory.Reacted(ctx, forgeID, comment) })
}

func (l mortalMemory) Postpone(ctx context.Context, forgeID string, comment int64, until time.Time) error {
	return l.m.do(func() error { return l.memory.Postpone(ctx, forgeID, comment, until) })
}

func (l mortalMemory) Decide(ctx context.Context, forgeID string, comment int64, d ledger.Decision, events ...run.Event) (done bool, err error) {
	err = l.m.do(func() error {
		done, err = l.memory.Decide(ctx, forgeID, comment, d, events...)
		return err
	})
	return done, err
}

func (l mortalMemory) DecideAsk(ctx context.Context, a ledger.Ask, events ...run.Event) (done bool, err error) {
	err = l.m.do(func() error {
		done, err = l.memory.DecideAsk(ctx, a, events...)
		return err
	})
	return done, err
}

func (l mortalMemory) SetAnnouncement(ctx context.Context, a ledger.Announcement) error {
	return l.m.do(func() error { return l.memory.SetAnnouncement(ctx, a) })
}
