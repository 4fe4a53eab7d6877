// Package ledgertest holds what a ledger promises, as tests (Contract), and a
// ledger in memory that keeps the promises (Memory).
//
// Memory holds its journal too, because a decision and its events are one
// transaction. It forgets everything with the process, and it keeps no goroutine;
// a test that restarts the bridge gives the same Memory to the next one.
package ledgertest

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/harness/journal/journaltest"
	"seatrial/harness/run"
)

// Memory is a ledger.Ledger and the journal.Journal that belongs to it.
type Memory struct {
	*journaltest.Memory

	// All of it is guarded by the journal's lock: every method is an Update.
	cursors       map[string]forge.Cursor
	comments      map[commentKey]ledger.Comment
	starters      map[run.ID]commentKey
	announcements map[string]ledger.Announcement
	trees         map[treeKey]int
	audit         []ledger.AuditEntry
	unenrolled    map[forge.Repo]ledger.UnenrolledRepo
	asks          map[string]ledger.Ask
}

type commentKey struct {
	forge string
	id    int64
}

type treeKey struct{ forge, repo, tree string }

// New returns an empty ledger with a journal of its own.
func New() *Memory { return On(journaltest.NewMemory()) }

// On returns an empty ledger beside a journal.
func On(j *journaltest.Memory) *Memory {
	return &Memory{
		Memory:        j,
		cursors:       map[string]forge.Cursor{},
		comments:      map[commentKey]ledger.Comment{},
		starters:      map[run.ID]commentKey{},
		announcements: map[string]ledger.Announcement{},
		trees:         map[treeKey]int{},
		unenrolled:    map[forge.Repo]ledger.UnenrolledRepo{},
		asks:          map[string]ledger.Ask{},
	}
}

var _ ledger.Ledger = (*Memory)(nil)

// do runs f as one transaction that appends no events.
func (m *Memory) do(ctx context.Context, f func() error) error {
	return m.Update(ctx, func(func(...run.Event) error) error { return f() })
}

// read is what f finds in one transaction.
func read[T any](ctx context.Context, m *Memory, f func() T) (found T, err error) {
	err = m.do(ctx, func() error { found = f(); return nil })
	return found, err
}

func (m *Memory) Cursor(ctx context.Context, scope string) (forge.Cursor, error) {
	return read(ctx, m, func() forge.Cursor { return m.cursors[scope] })
}

func (m *Memory) SetCursor(ctx context.Context, scope string, c forge.Cursor) error {
	return m.do(ctx, func() error { m.cursors[scope] = c; return nil })
}

func (m *Memory) AddTrees(ctx context.Context, repo forge.Repo, trees []forge.Tree) error {
	return m.do(ctx, func() error {
		behind := ledger.Behind(trees)
		if len(behind) == 0 {
			return nil
		}
		for key := range m.trees {
			if key.forge == repo.Forge && key.repo == repo.String() {
				m.trees[key] = -1
			}
		}
		for tree, n := range behind {
			m.trees[treeKey{repo.Forge, repo.String(), tree}] = n
		}
		return nil
	})
}

// OnDefaultBranch says whether the repository's default branch holds the tree.
func (m *Memory) OnDefaultBranch(ctx context.Context, forgeID, repo, tree string) (bool, error) {
	return read(ctx, m, func() bool { _, on := m.trees[treeKey{forgeID, repo, tree}]; return on })
}

func (m *Memory) Record(ctx context.Context, e ledger.AuditEntry) error {
	return m.do(ctx, func() error {
		e.At = e.At.Round(0).UTC()
		m.audit = append(m.audit, e)
		return nil
	})
}

// AuditLog returns the latest audit entries, newest first.
func (m *Memory) AuditLog(ctx context.Context, limit int) ([]ledger.AuditEntry, error) {
	return read(ctx, m, func() []ledger.AuditEntry {
		entries := slices.Clone(m.audit[max(0, len(m.audit)-limit):])
		slices.Reverse(entries)
		return entries
	})
}

func (m *Memory) Announcement(ctx context.Context, key string) (ledger.Announcement, error) {
	a, err := read(ctx, m, func() ledger.Announcement { return m.announcements[key] })
	a.Key = key
	return a, err
}

func (m *Memory) SetAnnouncement(ctx context.Context, a ledger.Announcement) error {
	return m.do(ctx, func() error {
		if a.Key == "" {
			return fmt.Errorf("cannot record an announcement: it has no key")
		}
		a.UpdatedAt = a.UpdatedAt.Round(0).UTC()
		m.announcements[a.Key] = a
		return nil
	})
}

func (m *Memory) Unannounced(ctx context.Context) ([]run.ID, error) {
	ids, err := m.Runs(ctx)
	if err != nil {
		return nil, err
	}
	return read(ctx, m, func() []run.ID {
		return slices.DeleteFunc(ids, func(id run.ID) bool { return m.announcements[ledger.RunKey(id)].Done })
	})
}

func oldestFirst(a, b ledger.Comment) int {
	return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Repo.Forge, b.Repo.Forge), cmp.Compare(a.ID, b.ID))
}
