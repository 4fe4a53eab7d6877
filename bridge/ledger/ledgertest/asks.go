package ledgertest

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"seatrial/bridge/ledger"
	"seatrial/harness/journal"
	"seatrial/harness/journal/journaltest"
	"seatrial/harness/run"
)

func (m *Memory) Asked(ctx context.Context, key string, now time.Time) (a ledger.Ask, ok bool, err error) {
	err = m.do(ctx, func() error {
		a, ok = m.asks[key]
		if ok && now.Sub(a.At) >= ledger.AskMemory {
			a, ok = ledger.Ask{}, false
		}
		return nil
	})
	return a, ok, err
}

func (m *Memory) DecideAsk(ctx context.Context, a ledger.Ask, events ...run.Event) (done bool, err error) {
	err = m.Update(ctx, func(appendEvents func(...run.Event) error) error {
		if err := a.Check(); err != nil {
			return err
		}
		if old, known := m.asks[a.Key]; known && a.At.Sub(old.At) < ledger.AskMemory {
			return nil
		}
		if err := appendEvents(events...); err != nil {
			return err
		}
		maps.DeleteFunc(m.asks, func(_ string, old ledger.Ask) bool { return a.At.Sub(old.At) >= ledger.AskMemory })
		a.At = a.At.Round(0).UTC()
		m.asks[a.Key] = a
		done = true
		return nil
	})
	return done, err
}

func ask(key string, at time.Time, id run.ID) ledger.Ask {
	return ledger.Ask{Key: key, What: "org/guestbook#1", At: at, Who: "token ci", Decision: ledger.Decision{Run: id}}
}

func asksOnce(t *testing.T, s Subject) {
	ctx := t.Context()
	if a, ok, err := s.Asked(ctx, "k", at(1)); err != nil || ok {
		t.Fatalf("before: %+v, %v, %v", a, ok, err)
	}
	r := journaltest.Request("guestbook", 1)
	first := ask("k", at(1), r.ID)
	first.Joined = true
	if done, err := s.DecideAsk(ctx, first, journaltest.Story(r)[0]); err != nil || !done {
		t.Fatalf("the first time: %v, %v", done, err)
	}
	other := journaltest.Request("guestbook", 2)
	if done, err := s.DecideAsk(ctx, ask("k", at(2), other.ID), journaltest.Story(other)[0]); err != nil || done {
		t.Errorf("the second time: %v, %v", done, err)
	}
	if _, err := s.Report(ctx, other.ID); err == nil {
		t.Error("the second time made a run")
	}
	want := func(want ledger.Ask, now time.Time) {
		t.Helper()
		got, ok, err := s.Asked(ctx, want.Key, now)
		same(t, "what was decided", want, got, err)
		if !ok {
			t.Errorf("%s is not known as decided", want.Key)
		}
	}
	want(first, at(3))
	refused := ledger.Ask{Key: "r", What: "org/wiki", At: at(4), Who: "ada", Decision: ledger.Decision{Refusal: "not-enrolled"}}
	_, err := s.DecideAsk(ctx, refused)
	must(t, err)
	want(refused, at(5))
}

func asksAllOrNone(t *testing.T, s Subject) {
	ctx := t.Context()
	r := journaltest.Request("guestbook", 1)
	for what, c := range map[string]struct {
		ask    ledger.Ask
		events []run.Event
	}{
		"no key":       {ask("", at(1), r.ID), nil},
		"no time":      {ask("k", time.Time{}, r.ID), nil},
		"no decision":  {ask("k", at(1), ""), nil},
		"unfit events": {ask("k", at(1), r.ID), []run.Event{journaltest.Story(r)[0], {Run: r.ID}}},
	} {
		if done, err := s.DecideAsk(ctx, c.ask, c.events...); err == nil || done {
			t.Errorf("%s: %v, %v", what, done, err)
		}
		if _, ok, err := s.Asked(ctx, "k", at(2)); err != nil || ok {
			t.Errorf("%s: it is remembered as decided, %v", what, err)
		}
		if _, err := s.Report(ctx, r.ID); err == nil {
			t.Errorf("%s: there is a run", what)
		}
	}
}

func asksForgotten(t *testing.T, s Subject) {
	ctx := t.Context()
	r := journaltest.Request("guestbook", 1)
	_, err := s.DecideAsk(ctx, ask("k", at(0), r.ID))
	must(t, err)
	for after, want := range map[time.Duration]bool{ledger.AskMemory - time.Second: true, ledger.AskMemory: false} {
		if _, ok, err := s.Asked(ctx, "k", at(0).Add(after)); err != nil || ok != want {
			t.Errorf("after %v: %v, %v; want %v", after, ok, err, want)
		}
	}
	again := ask("k", at(0).Add(ledger.AskMemory), r.ID)
	if done, err := s.DecideAsk(ctx, again); err != nil || !done {
		t.Errorf("a day later: %v, %v", done, err)
	}
	// What is old goes when something new comes.
	_, err = s.DecideAsk(ctx, ask("new", again.At.Add(ledger.AskMemory), r.ID))
	must(t, err)
	if _, ok, err := s.Asked(ctx, "k", again.At); err != nil || ok {
		t.Errorf("it was not forgotten: %v, %v", ok, err)
	}
}

func asksByMany(t *testing.T, s Subject) {
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			r := journaltest.Request("guestbook", i)
			r.ID = run.NewID(at(i))
			done, err := s.DecideAsk(t.Context(), ask("k", at(i), r.ID), journaltest.Story(r)[0])
			if err != nil {
				t.Error(fmt.Errorf("ask %d: %w", i, err))
			}
			if done {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	reports, err := s.Reports(t.Context(), journal.Filter{Limit: 20})
	if err != nil || won.Load() != 1 || len(reports) != 1 {
		t.Errorf("%d were the first, and there are %d runs, %v", won.Load(), len(reports), err)
	}
}
