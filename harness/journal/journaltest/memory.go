// Package journaltest holds what a journal promises, as tests (Contract), and a
// journal in memory that keeps the promises (Memory).
//
// Memory is for the tests of whoever needs a journal. It forgets everything with
// the process, and it keeps no goroutine.
package journaltest

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"

	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// Memory is a journal.Journal in memory. Make one with NewMemory.
type Memory struct {
	// AfterAppend, where set, is called after each event that was appended, with no
	// lock held: a place to stop the program under test. Set it before the first use.
	AfterAppend func(run.Kind)

	mu      sync.Mutex
	entries []journal.Entry
	runs    map[run.ID]*memoryRun
	changed chan struct{} // closed, and made anew, at every append
}

// memoryRun is replaced, never changed: a transaction that fails leaves it alone.
type memoryRun struct {
	events []run.Event
	report run.Report
}

// NewMemory returns an empty journal.
func NewMemory() *Memory {
	return &Memory{runs: map[run.ID]*memoryRun{}, changed: make(chan struct{})}
}

var _ journal.Journal = (*Memory)(nil)

func (m *Memory) Append(ctx context.Context, events ...run.Event) error {
	return m.Update(ctx, func(appendEvents func(...run.Event) error) error {
		return appendEvents(events...)
	})
}

// Update runs f as one transaction under the journal's lock: others who keep
// something beside the journal use it to change both at once. What f appends is
// there if f returns nil, and not if it returns an error. f calls no other method.
func (m *Memory) Update(ctx context.Context, f func(appendEvents func(...run.Event) error) error) error {
	kinds, err := m.update(ctx, f)
	if m.AfterAppend != nil {
		for _, kind := range kinds {
			m.AfterAppend(kind)
		}
	}
	return err
}

func (m *Memory) update(ctx context.Context, f func(func(...run.Event) error) error) ([]run.Kind, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("cannot write to the journal: %w", err)
	}
	tx := transaction{memory: m, runs: map[run.ID]*memoryRun{}}
	if err := f(tx.append); err != nil {
		return nil, err
	}
	return tx.commit(), nil
}

func (m *Memory) Events(ctx context.Context, id run.ID) ([]run.Event, error) {
	r, err := m.find(ctx, id)
	if err != nil {
		return nil, err
	}
	return slices.Clone(r.events), nil
}

func (m *Memory) Report(ctx context.Context, id run.ID) (run.Report, error) {
	r, err := m.find(ctx, id)
	if err != nil {
		return run.Report{}, err
	}
	return r.report.Clone(), nil
}

func (m *Memory) find(ctx context.Context, id run.ID) (*memoryRun, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.runs[id]
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("cannot read run %s: %w", id, ctx.Err())
	case r == nil:
		return nil, fmt.Errorf("cannot read run %s: %w", id, journal.ErrUnknownRun)
	}
	return r, nil
}

func (m *Memory) Reports(ctx context.Context, filter journal.Filter) ([]run.Report, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("cannot read the journal: %w", err)
	}
	var reports []run.Report
	for _, r := range m.runs {
		if filter.Match(&r.report) {
			reports = append(reports, r.report.Clone())
		}
	}
	slices.SortFunc(reports, func(a, b run.Report) int { return cmp.Compare(b.Request.ID, a.Request.ID) })
	return reports[:min(len(reports), filter.Max())], nil
}

func (m *Memory) Follow(ctx context.Context, after journal.Position) iter.Seq2[journal.Entry, error] {
	return func(yield func(journal.Entry, error) bool) {
		for {
			m.mu.Lock()
			changed := m.changed
			fresh := m.entries[min(int(max(after, 0)), len(m.entries)):]
			m.mu.Unlock()
			for _, entry := range fresh {
				if ctx.Err() != nil || !yield(entry, nil) {
					return
				}
				after = entry.Position
			}
			if len(fresh) > 0 {
				continue
			}
			select {
			case <-ctx.Done():
				return
			case <-changed:
			}
		}
	}
}

func (m *Memory) Last(ctx context.Context) (journal.Position, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return journal.Position(len(m.entries)), ctx.Err()
}

// transaction holds what is about to be appended.
type transaction struct {
	memory *Memory
	fresh  []run.Event
	runs   map[run.ID]*memoryRun
}

func (tx *transaction) append(events ...run.Event) error {
	for _, e := range events {
		if err := tx.appendOne(e); err != nil {
			return fmt.Errorf("cannot append to the journal: %w", err)
		}
	}
	return nil
}

func (tx *transaction) appendOne(e run.Event) error {
	e, err := journal.Fit(e)
	if err != nil {
		return err
	}
	r := tx.run(e.Run)
	if e.Seq == 0 {
		e.Seq = r.nextSeq(e)
	} else if r.has(e) {
		return nil
	}
	if err := r.report.Apply(e); err != nil {
		return journal.Unfit(e, err)
	}
	r.events = append(r.events, e)
	tx.fresh = append(tx.fresh, e)
	return nil
}

// run returns a copy of the run that may be changed.
func (tx *transaction) run(id run.ID) *memoryRun {
	if r, ok := tx.runs[id]; ok {
		return r
	}
	r := &memoryRun{}
	if old := tx.memory.runs[id]; old != nil {
		r.events, r.report = slices.Clone(old.events), old.report.Clone()
	}
	tx.runs[id] = r
	return r
}

func (tx *transaction) commit() []run.Kind {
	if len(tx.fresh) == 0 {
		return nil
	}
	m := tx.memory
	var kinds []run.Kind
	for _, e := range tx.fresh {
		m.entries = append(m.entries, journal.Entry{Position: journal.Position(len(m.entries) + 1), Event: e})
		kinds = append(kinds, e.Kind)
	}
	for id, r := range tx.runs {
		if len(r.events) > 0 {
			m.runs[id] = r
		}
	}
	close(m.changed)
	m.changed = make(chan struct{})
	return kinds
}

func (r *memoryRun) has(e run.Event) bool {
	return slices.ContainsFunc(r.events, func(o run.Event) bool {
		return o.Attempt == e.Attempt && o.Source == e.Source && o.Seq == e.Seq
	})
}

func (r *memoryRun) nextSeq(e run.Event) int64 {
	last := int64(0)
	for _, o := range r.events {
		if o.Attempt == e.Attempt && o.Source == e.Source {
			last = max(last, o.Seq)
		}
	}
	return last + 1
}

// Runs returns the IDs of all runs, oldest first.
func (m *Memory) Runs(ctx context.Context) ([]run.ID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.runs)), ctx.Err()
}
