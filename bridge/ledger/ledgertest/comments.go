package ledgertest

import (
	"context"
	"maps"
	"slices"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/harness/run"
)

func (m *Memory) See(ctx context.Context, c forge.Comment, s ledger.State) (isNew bool, err error) {
	err = m.do(ctx, func() error {
		if err := ledger.CheckSeen(c, s); err != nil {
			return err
		}
		key := commentKey{c.Repo.Forge, c.ID}
		if _, known := m.comments[key]; known {
			return nil
		}
		c = ledger.Kept(c, s)
		c.Created, c.Updated = c.Created.Round(0).UTC(), c.Updated.Round(0).UTC()
		m.comments[key] = ledger.Comment{Comment: c, State: s}
		isNew = true
		return nil
	})
	return isNew, err
}

func (m *Memory) OpenComments(ctx context.Context) ([]ledger.Comment, error) {
	return m.selectComments(ctx, func(c ledger.Comment) bool { return c.State == ledger.Open })
}

func (m *Memory) RefusedComments(ctx context.Context) ([]ledger.Comment, error) {
	return m.selectComments(ctx, func(c ledger.Comment) bool {
		return c.Refusal != "" && !m.announcements[ledger.CommentKey(c.Repo.Forge, c.ID)].Done
	})
}

func (m *Memory) selectComments(ctx context.Context, want func(ledger.Comment) bool) ([]ledger.Comment, error) {
	return read(ctx, m, func() []ledger.Comment {
		all := slices.SortedFunc(maps.Values(m.comments), oldestFirst)
		return slices.DeleteFunc(all, func(c ledger.Comment) bool { return !want(c) })
	})
}

func (m *Memory) Reacted(ctx context.Context, forgeID string, comment int64) error {
	return m.change(ctx, forgeID, comment, func(c *ledger.Comment) { c.Reacted = true })
}

func (m *Memory) Postpone(ctx context.Context, forgeID string, comment int64, until time.Time) error {
	return m.change(ctx, forgeID, comment, func(c *ledger.Comment) {
		if c.State == ledger.Open {
			c.Tries++
			c.NotBefore = until.Round(0).UTC()
		}
	})
}

func (m *Memory) change(ctx context.Context, forgeID string, comment int64, f func(*ledger.Comment)) error {
	return m.do(ctx, func() error {
		key := commentKey{forgeID, comment}
		c, known := m.comments[key]
		if !known {
			return ledger.Unseen(forgeID, comment)
		}
		f(&c)
		m.comments[key] = c
		return nil
	})
}

func (m *Memory) Decide(ctx context.Context, forgeID string, comment int64, d ledger.Decision, events ...run.Event) (done bool, err error) {
	err = m.Update(ctx, func(appendEvents func(...run.Event) error) error {
		if err := d.Check(); err != nil {
			return err
		}
		key := commentKey{forgeID, comment}
		c, known := m.comments[key]
		if !known {
			return ledger.Unseen(forgeID, comment)
		}
		if c.State != ledger.Open {
			return nil
		}
		if err := appendEvents(events...); err != nil {
			return err
		}
		if _, started := m.starters[d.Run]; d.Starts(events) && !started {
			m.starters[d.Run] = key
		}
		c.State, c.Run, c.Refusal = ledger.Decided, d.Run, d.Refusal
		m.comments[key] = c
		done = true
		return nil
	})
	return done, err
}

func (m *Memory) CommentOf(ctx context.Context, id run.ID) (c ledger.Comment, ok bool, err error) {
	err = m.do(ctx, func() error {
		key, started := m.starters[id]
		c, ok = m.comments[key], started
		return nil
	})
	return c, ok, err
}
