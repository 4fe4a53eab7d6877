package intake_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/intake"
	"seatrial/bridge/ledger/ledgertest"
)

// nudged runs a poller whose own looks are far apart.
func nudged(t *testing.T, f intake.Feed, b intake.Branches, tell func(t *testing.T, p *intake.Poller, m *ledgertest.Memory)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := ledgertest.New()
		p := intake.New(intake.Config{
			Sources:  []intake.Source{{Forge: "gitea", Org: "coop", Feed: f, Branches: b}},
			Enrolled: func() []forge.Repo { return []forge.Repo{guestbook} }, Memory: m,
			Interval: 24 * time.Hour, SweepEvery: 24 * time.Hour, Log: slog.New(slog.DiscardHandler),
		})
		ctx, end := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- p.Run(ctx) }()
		pause(time.Second)
		tell(t, p, m)
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestANudgeReadsARepositoryAtOnce(t *testing.T) {
	f := newFeed()
	nudged(t, f, f, func(t *testing.T, p *intake.Poller, m *ledgertest.Memory) {
		before := len(f.swept[guestbook])
		f.say(guestbook, "!testme", time.Now())
		for range 3 { // a replay changes nothing
			if err := p.LookAt(t.Context(), forge.Repo{Forge: "gitea", Owner: "COOP", Name: "Guestbook"}); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(open(t, m)); n != 1 {
			t.Errorf("there are %d open comments, want 1", n)
		}
		if n := len(f.swept[guestbook]) - before; n != 3 {
			t.Errorf("three nudges asked %d questions about the repository as it is enrolled, want 3", n)
		}
		if c, err := m.Cursor(t.Context(), forge.Repository(guestbook).Name()); err != nil || c != "1" {
			t.Errorf("the cursor is %q, %v; a nudge must move the sweep's own", c, err)
		}
	})
}

func TestAListThatLagsIsReadOnceMore(t *testing.T) {
	f := newFeed()
	nudged(t, f, f, func(t *testing.T, p *intake.Poller, m *ledgertest.Memory) {
		lookFor := func(id int64, questions int) {
			t.Helper()
			before := len(f.swept[guestbook])
			if err := p.LookFor(t.Context(), guestbook, id); err != nil {
				t.Error(err)
			}
			if n := len(f.swept[guestbook]) - before; n != questions {
				t.Errorf("looking for comment %d took %d questions, want %d", id, n, questions)
			}
		}
		go func() {
			time.Sleep(time.Second)
			f.say(guestbook, "!testme", time.Now())
		}()
		lookFor(1, 2)
		if n := len(open(t, m)); n != 1 {
			t.Errorf("there are %d open comments", n)
		}
		f.say(guestbook, "!testme", time.Now())
		lookFor(2, 1)
		lookFor(1, 1) // a replay
		lookFor(9, 2) // deleted at once: it is not waited for
	})
}

func TestANudgeReadsTheDefaultBranchAtOnce(t *testing.T) {
	f := newFeed()
	nudged(t, f, f, func(t *testing.T, p *intake.Poller, m *ledgertest.Memory) {
		before := f.branches
		if err := p.BranchMoved(t.Context(), guestbook); err != nil || f.branches != before+1 {
			t.Errorf("asked %d times, %v", f.branches-before, err)
		}
	})
}

func TestWhatIsNotEnrolledIsNotLookedAt(t *testing.T) {
	f := newFeed()
	nudged(t, f, f, func(t *testing.T, p *intake.Poller, m *ledgertest.Memory) {
		for _, repo := range []forge.Repo{{Forge: "gitea", Owner: "coop", Name: "wiki"}, {Forge: "github", Owner: "coop", Name: "guestbook"}} {
			if err := errors.Join(p.LookAt(t.Context(), repo), p.BranchMoved(t.Context(), repo)); err != nil {
				t.Error(err)
			}
		}
		if len(f.swept) != 1 || f.branches != 1 {
			t.Errorf("swept %v, %d branches", f.swept, f.branches)
		}
	})
}

// slow is a forge that takes its time, and notes when it is asked twice at once.
type slow struct {
	*feed
	mu    sync.Mutex
	now   int
	most  int
	calls int
}

func (s *slow) CommentsAfter(ctx context.Context, scope forge.Scope, c forge.Cursor) ([]forge.Comment, forge.Cursor, error) {
	if scope.Org == "" {
		s.mu.Lock()
		s.now++
		s.calls++
		s.most = max(s.most, s.now)
		s.mu.Unlock()
		time.Sleep(time.Second)
		defer func() { s.mu.Lock(); s.now--; s.mu.Unlock() }()
	}
	return s.feed.CommentsAfter(ctx, scope, c)
}

func TestARepositoryIsReadByOneAtATime(t *testing.T) {
	s := &slow{feed: newFeed()}
	nudged(t, s, s, func(t *testing.T, p *intake.Poller, m *ledgertest.Memory) {
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if err := p.LookAt(t.Context(), guestbook); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // one reads, the others wait
		ctx, end := context.WithTimeout(t.Context(), time.Millisecond)
		defer end()
		if err := p.LookAt(ctx, guestbook); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("whoever cannot wait gets %v", err)
		}
		all.Wait()
		if s.most != 1 || s.calls < 11 {
			t.Errorf("it was asked %d times, %d at once", s.calls, s.most)
		}
	})
}
