package intake_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/intake"
	"seatrial/bridge/ledger/ledgertest"
)

// hub is a forge that has no question about a whole organisation.
type hub struct {
	*feed
	poller *intake.Poller
	budget atomic.Pointer[forge.Budget]
	busy   atomic.Bool
	log    bytes.Buffer
	ages   []time.Duration
}

// alone runs a poller for a forge whose repositories are asked one by one.
func alone(t *testing.T, repos []forge.Repo, tell func(h *hub, m *ledgertest.Memory)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h, m := &hub{feed: newFeed()}, ledgertest.New()
		h.poller = intake.New(intake.Config{
			Sources: []intake.Source{{Forge: "gitea", Feed: h, Branches: h, Budget: func() forge.Budget {
				if b := h.budget.Load(); b != nil {
					return *b
				}
				return forge.Budget{}
			}}},
			Enrolled: func() []forge.Repo { return repos },
			Memory:   m,
			Seen:     func(_ string, age time.Duration) { h.ages = append(h.ages, age) },
			Busy:     func(context.Context, forge.Repo) bool { return h.busy.Load() },
			Log:      slog.New(slog.NewTextHandler(&h.log, nil)),
		})
		ctx, end := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.poller.Run(ctx) }()
		pause(time.Second)
		tell(h, m)
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// looks is when a repository was asked, from a time on.
func (h *hub) looks(repo forge.Repo, from time.Time) (at []time.Time) {
	h.look(func() { at = slices.Clone(h.swept[repo]) })
	return slices.DeleteFunc(at, func(t time.Time) bool { return t.Before(from) })
}

func manyRepos(n int) (repos []forge.Repo) {
	for i := range n {
		repos = append(repos, forge.Repo{Forge: "gitea", Owner: "coop", Name: fmt.Sprintf("r%d", i)})
	}
	return repos
}

func TestAQuietRepositoryIsAskedEverMoreSeldomAndALivelyOneOften(t *testing.T) {
	alone(t, []forge.Repo{guestbook}, func(h *hub, m *ledgertest.Memory) {
		pause(2 * time.Hour)
		quiet := time.Now()
		pause(time.Hour)
		if n := len(h.looks(guestbook, quiet)); n < 6 || n > 8 {
			t.Errorf("a quiet repository was asked %d times in an hour", n)
		}
		h.say(guestbook, "a word", time.Now())
		pause(intake.DefaultSweepEvery)
		lively := time.Now()
		pause(time.Minute)
		if n := len(h.looks(guestbook, lively.Add(-intake.DefaultSweepEvery))); n < 3 {
			t.Errorf("a repository where something was said was asked %d times in eleven minutes", n)
		}
		h.say(guestbook, "!testme", time.Now())
		pause(intake.DefaultSweepEvery)
		if n := len(open(t, m)); n != 1 || len(h.ages) != 1 || h.ages[0] > intake.DefaultSweepEvery {
			t.Errorf("%d open comments, seen after %v", n, h.ages)
		}
	})
}

func TestWhereSomethingIsUnderWayItIsAskedAsOftenAsPromised(t *testing.T) {
	alone(t, []forge.Repo{guestbook}, func(h *hub, _ *ledgertest.Memory) {
		h.busy.Store(true)
		pause(time.Hour)
		at := h.looks(guestbook, time.Time{})
		for i := 1; i < len(at); i++ {
			if d := at[i].Sub(at[i-1]); d > intake.DefaultInterval || d < 27*time.Second {
				t.Errorf("pause %d is %s", i, d)
			}
		}
	})
}

func TestAForgeIsAskedNoFasterThanAllowed(t *testing.T) {
	repos := manyRepos(500)
	alone(t, repos, func(h *hub, _ *ledgertest.Memory) {
		h.busy.Store(true) // all of them, which is the most
		pause(time.Hour / 2)
		seconds := map[int64]int{}
		for _, repo := range repos {
			at := h.looks(repo, time.Time{})
			if len(at) < 23 {
				t.Errorf("%s was asked %d times in half an hour", repo, len(at))
			}
			for _, t := range at {
				seconds[t.Unix()]++
			}
		}
		if most := slices.Max(slices.Collect(maps.Values(seconds))); most > intake.DefaultPerSecond+1 {
			t.Errorf("%d questions in one second", most)
		}
		// Half a thousand trees with each look would be the most of what is asked.
		if h.branches > 4*len(repos) {
			t.Errorf("the default branches were read %d times in half an hour", h.branches)
		}
		if lag := h.poller.Health("gitea"); lag.Repos > 2*time.Minute || !lag.Up || lag.HasOrg {
			t.Errorf("the health is %+v", lag)
		}
	})
}

func TestAForgeThatAsksUsToWaitIsLeftAloneAsAWhole(t *testing.T) {
	repos := manyRepos(20)
	alone(t, repos, func(h *hub, _ *ledgertest.Memory) {
		h.busy.Store(true)
		pause(5 * time.Minute)
		told := time.Now()
		until := told.Add(20 * time.Minute)
		h.failWith(fmt.Errorf("cannot list: %w", &forge.LimitedError{Until: until, Why: "secondary rate limit"}))
		pause(time.Minute)
		if health := h.poller.Health("gitea"); !health.Up || !health.Paused.Equal(until) {
			t.Errorf("the health is %+v", health)
		}
		h.failWith(nil)
		pause(18 * time.Minute)
		asked := 0
		for _, repo := range repos {
			asked += len(h.looks(repo, told))
		}
		if asked != 1 {
			t.Errorf("a forge that asked us to wait was asked %d times, want the one that it answered so", asked)
		}
		if n := strings.Count(h.log.String(), "WARN"); n != 1 || !strings.Contains(h.log.String(), "asks us to wait") {
			t.Errorf("the log:\n%s", &h.log)
		}
		pause(3 * time.Minute)
		for _, repo := range repos {
			if len(h.looks(repo, until)) == 0 {
				t.Errorf("%s was not asked afterwards", repo)
			}
		}
	})
}

func TestAWishWithoutATimeIsHeeded(t *testing.T) {
	for _, err := range []error{forge.ErrLimited, &forge.LimitedError{}, &forge.LimitedError{Until: time.Now().AddDate(100, 0, 0)}} {
		alone(t, []forge.Repo{guestbook}, func(h *hub, _ *ledgertest.Memory) {
			h.failWith(err)
			pause(10 * time.Minute)
			from := time.Now()
			h.failWith(nil)
			pause(time.Hour)
			if before, after := len(h.looks(guestbook, time.Time{})), len(h.looks(guestbook, from)); before-after > 11 || after == 0 {
				t.Errorf("%v: asked %d times in ten minutes, and %d times in the hour after", err, before-after, after)
			}
		})
	}
}

func TestAShareOfTheBudgetIsLeftForReporting(t *testing.T) {
	alone(t, []forge.Repo{guestbook}, func(h *hub, _ *ledgertest.Memory) {
		h.busy.Store(true)
		from, reset := time.Now(), time.Now().Add(30*time.Minute)
		h.budget.Store(&forge.Budget{Limit: 5000, Left: 999, Reset: reset})
		pause(29 * time.Minute)
		// One question may have waited for nothing but its turn already.
		if n := len(h.looks(guestbook, from)); n > 1 {
			t.Errorf("asked %d times although little was left", n)
		}
		if n := strings.Count(h.log.String(), "nearly used up"); n != 1 {
			t.Errorf("it was said %d times:\n%s", n, &h.log)
		}
		pause(3 * time.Minute)
		if n := len(h.looks(guestbook, reset)); n < 3 {
			t.Errorf("asked %d times in two minutes after the budget began anew", n)
		}
	})
}
