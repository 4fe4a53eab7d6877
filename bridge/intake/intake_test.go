package intake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/intake"
	"seatrial/bridge/ledger"
	"seatrial/bridge/ledger/ledgertest"
)

var guestbook = forge.Repo{Forge: "gitea", Owner: "coop", Name: "guestbook"}

// feed is a forge's comments; a cursor is the number of those that were read.
type feed struct {
	mu       sync.Mutex
	comments []forge.Comment
	asked    []time.Time
	swept    map[forge.Repo][]time.Time
	fail     error
	branches int
}

func newFeed() *feed { return &feed{swept: map[forge.Repo][]time.Time{}} }

func (f *feed) say(repo forge.Repo, body string, made time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.comments = append(f.comments, forge.Comment{Repo: repo, Pull: 1, ID: int64(len(f.comments) + 1), Author: forge.Person{ID: 5}, Body: body, Created: made, Updated: made})
}

// look reads what was asked so far.
func (f *feed) look(read func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	read()
}

func (f *feed) failWith(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = err
}

func (f *feed) CommentsAfter(_ context.Context, scope forge.Scope, cursor forge.Cursor) ([]forge.Comment, forge.Cursor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if scope.Org != "" {
		f.asked = append(f.asked, time.Now())
	} else {
		f.swept[scope.Repo] = append(f.swept[scope.Repo], time.Now())
	}
	next := forge.Cursor(strconv.Itoa(len(f.comments)))
	if f.fail != nil || cursor == "" {
		return nil, next, f.fail
	}
	from, err := strconv.Atoi(string(cursor))
	if err != nil {
		return nil, "", err
	}
	var found []forge.Comment
	for _, c := range f.comments[from:] {
		if scope.Wants(c.Repo) {
			found = append(found, c)
		}
	}
	return found, next, nil
}

func (f *feed) DefaultBranch(context.Context, forge.Repo) (string, []forge.Tree, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.branches++
	return "main", []forge.Tree{{Commit: "c", Tree: "t"}}, nil
}

// memory can refuse to remember.
type memory struct {
	*ledgertest.Memory
	full func() error
}

func (m memory) See(ctx context.Context, c forge.Comment, s ledger.State) (bool, error) {
	if err := m.full(); err != nil {
		return false, err
	}
	return m.Memory.See(ctx, c, s)
}

// story runs a poller for a while in its own time.
func story(t *testing.T, f *feed, repos []forge.Repo, tell func(m *ledgertest.Memory, log *bytes.Buffer), full ...func() error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := memory{ledgertest.New(), func() error { return nil }}
		if len(full) > 0 {
			m.full = full[0]
		}
		var log bytes.Buffer
		p := intake.New(intake.Config{
			Sources:  []intake.Source{{Forge: "gitea", Org: "coop", Feed: f, Branches: f}},
			Enrolled: func() []forge.Repo { return repos },
			Memory:   m,
			Log:      slog.New(slog.NewTextHandler(&log, nil)),
		})
		ctx, end := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- p.Run(ctx) }()
		pause(time.Second)
		tell(m.Memory, &log)
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// pause lets time pass, and everybody finish what they do at its end.
func pause(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func open(t *testing.T, m *ledgertest.Memory) []ledger.Comment {
	t.Helper()
	comments, err := m.OpenComments(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return comments
}

func TestTheOrganisationIsAskedAtLeastEveryThirtySeconds(t *testing.T) {
	f := newFeed()
	story(t, f, []forge.Repo{guestbook}, func(*ledgertest.Memory, *bytes.Buffer) {
		pause(time.Hour)
		f.mu.Lock()
		defer f.mu.Unlock()
		for i := 1; i < len(f.asked); i++ {
			if pause := f.asked[i].Sub(f.asked[i-1]); pause > 30*time.Second || pause < 27*time.Second {
				t.Errorf("pause %d is %s", i, pause)
			}
		}
		if n := len(f.swept[guestbook]); n != 7 {
			t.Errorf("in an hour it was swept %d times", n)
		}
	})
}

func TestTheSweepIsSpread(t *testing.T) {
	f := newFeed()
	var repos []forge.Repo
	for i := range 100 {
		repos = append(repos, forge.Repo{Forge: "gitea", Owner: "coop", Name: fmt.Sprintf("r%d", i)})
	}
	story(t, f, repos, func(m *ledgertest.Memory, _ *bytes.Buffer) {
		pause(time.Minute)
		f.look(func() {
			if len(f.swept) != 100 {
				t.Errorf("after a minute %d repositories were read for the first time", len(f.swept))
			}
			for _, at := range f.swept {
				if len(at) != 1 {
					t.Errorf("a repository was swept %d times within a minute", len(at))
				}
			}
		})
		pause(30 * time.Minute)
		seconds := map[int64]int{}
		f.mu.Lock()
		defer f.mu.Unlock()
		for repo, at := range f.swept {
			if len(at) < 3 || len(at) > 5 {
				t.Errorf("%s was swept %d times in half an hour", repo, len(at))
			}
			for _, when := range at {
				seconds[when.Unix()]++
			}
		}
		for second, n := range seconds {
			if n > 6 {
				t.Errorf("%d sweeps in second %d", n, second)
			}
		}
		if on, err := m.OnDefaultBranch(t.Context(), "gitea", "coop/r7", "t"); err != nil || !on {
			t.Errorf("the default branch's trees were not recorded: %v, %v", on, err)
		}
	})
}

func TestTheCursorWaitsForTheLedger(t *testing.T) {
	f := newFeed()
	full := errors.New("no space left on device")
	var mu sync.Mutex
	refuse := func() error {
		mu.Lock()
		defer mu.Unlock()
		return full
	}
	story(t, f, []forge.Repo{guestbook}, func(m *ledgertest.Memory, log *bytes.Buffer) {
		f.say(guestbook, "!testme", time.Now())
		pause(time.Hour)
		if n := len(open(t, m)); n != 0 {
			t.Errorf("there are %d open comments", n)
		}
		mu.Lock()
		full = nil
		mu.Unlock()
		pause(3 * time.Minute)
		if n := len(open(t, m)); n != 1 {
			t.Errorf("there are %d open comments, want the one that could not be written down before", n)
		}
	}, refuse)
}

func TestAFailingForgeIsComplainedAboutOnce(t *testing.T) {
	f := newFeed()
	story(t, f, nil, func(m *ledgertest.Memory, log *bytes.Buffer) {
		for i := range 30 {
			f.failWith(fmt.Errorf("cannot read: 502 at %d", i))
			pause(time.Minute)
		}
		f.failWith(fmt.Errorf("cannot read: %w", forge.ErrUnauthorized))
		pause(time.Hour)
		if n := strings.Count(log.String(), "WARN"); n != 2 {
			t.Errorf("there were %d complaints, want one for each kind:\n%s", n, log)
		}
		f.say(guestbook, "!testme", time.Now())
		f.failWith(nil)
		pause(3 * time.Minute)
		if n := len(open(t, m)); n != 1 || strings.Count(log.String(), "can be read again") != 1 {
			t.Errorf("%d open comments; the log:\n%s", n, log)
		}
	})
}

func TestAForgeThatIsDownIsComplainedAboutOnceForAllRepositories(t *testing.T) {
	f := newFeed()
	var repos []forge.Repo
	for i := range 50 {
		repos = append(repos, forge.Repo{Forge: "gitea", Owner: "coop", Name: fmt.Sprintf("r%d", i)})
	}
	f.failWith(errors.New("connection refused"))
	story(t, f, repos, func(_ *ledgertest.Memory, log *bytes.Buffer) {
		pause(time.Hour)
		f.look(func() { f.fail = fmt.Errorf("gone: %w", forge.ErrNotFound) })
		pause(3 * time.Hour)
		if n := strings.Count(log.String(), "connection refused"); n != 1 {
			t.Errorf("there were %d complaints, want one:\n%s", n, log)
		}
		// What is missing is each repository's own matter.
		if n := strings.Count(log.String(), "gone"); n != 51 {
			t.Errorf("%d repositories were said to be missing:\n%s", n, log)
		}
		f.failWith(nil)
		pause(3 * time.Hour)
		if n := strings.Count(log.String(), "can be read again"); n != 51 {
			t.Errorf("the end was said %d times:\n%s", n, log)
		}
	})
}

func TestAPauseAfterAnErrorGrows(t *testing.T) {
	f := newFeed()
	f.failWith(errors.New("connection refused"))
	story(t, f, nil, func(*ledgertest.Memory, *bytes.Buffer) {
		pause(4 * time.Hour)
		f.mu.Lock()
		defer f.mu.Unlock()
		if n := len(f.asked); n > 180 || n < 60 {
			t.Errorf("in four hours a forge that is down was asked %d times", n)
		}
	})
}

func TestWhatCounts(t *testing.T) {
	f := newFeed()
	wiki := forge.Repo{Forge: "gitea", Owner: "coop", Name: "wiki"}
	story(t, f, []forge.Repo{guestbook}, func(m *ledgertest.Memory, _ *bytes.Buffer) {
		now := time.Now()
		f.say(guestbook, "!testme", now.Add(-time.Hour)) // 1: older than the enrolment
		f.say(guestbook, "please !testme", now)          // 2: no command
		f.say(guestbook, "!testme", now)                 // 3
		f.say(wiki, "!testme", now)                      // 4: not enrolled, which is answered too
		f.say(guestbook, "!testme", now)                 // 5: edited before it was seen
		f.mu.Lock()
		f.comments[4].Updated = now.Add(time.Second)
		f.mu.Unlock()
		f.say(forge.Repo{Forge: "gitea", Owner: "Coop", Name: "GuestBook"}, "!testme", now.Add(-time.Hour)) // 6: as 1, spelt as the forge does
		pause(15 * time.Minute)
		var ids []int64
		for _, c := range open(t, m) {
			ids = append(ids, c.ID)
		}
		if fmt.Sprint(ids) != "[3 4]" {
			t.Errorf("open are %v, want 3 and 4", ids)
		}
	})
}
