package schedule

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"seatrial/bridge"
	"seatrial/bridge/answer"
	"seatrial/bridge/forge"
	"seatrial/bridge/ledger/ledgertest"
	"seatrial/harness/run"
	"seatrial/recipes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var me = forge.Person{ID: 1, Login: "seatrial"}

// world is a bridge whose runs take ten minutes and come to what the test says. It
// outlives the scheduler.
type world struct {
	t      *testing.T
	memory *ledgertest.Memory
	recipe recipes.Enrolment
	others []recipes.Enrolment

	hangs map[string]chan struct{} // forges that do not answer before it is closed

	mu      sync.Mutex
	comes   string // pass, fail, drop, unverified, never
	asks    []time.Time
	askedOf []string // the recipes of the asks
	byKey   map[string]run.ID
	issues  []forge.Issue
	writes  []string
	down    bool // the forge does not answer
	noIssue bool // the repository has no issues

	end  context.CancelFunc
	done chan error
}

func newWorld(t *testing.T, schedule string) *world {
	return &world{t: t, memory: ledgertest.New(), comes: "pass", byKey: map[string]run.ID{},
		recipe: recipes.Enrolment{Name: "guestbook", Repo: "coop/guestbook", Schedule: schedule}}
}

func (w *world) start() {
	w.t.Helper()
	s, err := New(Config{
		Bridge: w, Runs: w.memory, Memory: w.memory, Location: time.UTC, Log: slog.New(slog.DiscardHandler),
		Enrolments: w.enrolments,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	w.end, w.done = end, make(chan error, 1)
	go func() { w.done <- s.Run(ctx) }()
	synctest.Wait()
}

func (w *world) stop() {
	w.t.Helper()
	w.end()
	if err := <-w.done; err != nil {
		w.t.Error(err)
	}
}

// pass lets days go by.
func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) set(comes string) { w.change(func() { w.comes = comes }) }

// change is something that happens beside the scheduler.
func (w *world) change(how func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	how()
}

// count is how often runs were asked for.
func (w *world) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.asks)
}

func (w *world) enrolments() []recipes.Enrolment {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]recipes.Enrolment{w.recipe}, w.others...)
}

func (w *world) Ask(ctx context.Context, a answer.Ask) (answer.Answer, error) {
	if hangs := w.hangs[a.Repo.Forge]; hangs != nil {
		select {
		case <-hangs:
		case <-ctx.Done():
			return answer.Answer{}, ctx.Err()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return answer.Answer{}, errors.New("502")
	}
	if id, ok := w.byKey[a.Key]; ok {
		return answer.Answer{Run: id}, nil
	}
	recipe := strings.Split(a.Key, ":")[1]
	w.asks, w.askedOf = append(w.asks, time.Now()), append(w.askedOf, recipe)
	id := run.NewID(time.Now())
	w.byKey[a.Key] = id
	r := run.Request{ID: id, Recipe: recipe, AskedAt: time.Now(), Via: a.Via, AskedBy: a.By,
		Code: run.Code{Forge: a.Repo.Forge, Repo: a.Repo.String(), Ref: "refs/heads/main", Commit: strings.Repeat("1", 40), URL: "https://forge.test/coop/guestbook.git"}}
	if err := w.memory.Append(ctx, run.Event{Run: id, Source: run.Bridge, At: time.Now(), Kind: run.KindRequested}.With(r)); err != nil {
		w.t.Error(err)
	}
	if comes := w.comes; comes != "never" {
		time.AfterFunc(10*time.Minute, func() { w.conclude(id, comes) })
	}
	return answer.Answer{Run: id}, nil
}

// conclude has a run come to something.
func (w *world) conclude(id run.ID, comes string) {
	at := time.Now()
	stages := run.Stages()
	if comes == "drop" {
		stages = stages[:7]
	}
	events := []run.Event{
		{Source: run.Bridge, Kind: run.KindDispatching},
		run.Event{Source: run.Harness, Seq: 1, Kind: run.KindStarted}.With(run.Started{}),
		run.Event{Source: run.Harness, Seq: 2, Kind: run.KindPlanned}.With(run.Plan{Stages: stages, Tree: "tree"}),
	}
	for i, stage := range stages {
		e := run.Event{Source: run.Harness, Seq: int64(3 + i), Kind: run.KindStageEnded, Stage: stage, Outcome: run.Passed}
		switch {
		case comes == "fail" && stage == run.StageUpgrade:
			e = e.With(run.Fault{Summary: "rows are gone"})
			e.Outcome = run.Failed
		case comes == "unverified" && stage == run.StageUpgrade:
			e.Outcome = run.Unverified
		}
		events = append(events, e)
	}
	events = append(events,
		run.Event{Source: run.Harness, Seq: 50, Kind: run.KindTornDown}.With(run.Swept{}),
		run.Event{Source: run.Harness, Seq: 51, Kind: run.KindFinished},
		run.Event{Source: run.Bridge, Kind: run.KindSwept}.With(run.Swept{}),
		run.Event{Source: run.Bridge, Kind: run.KindEnded})
	for i := range events {
		events[i].Run, events[i].Attempt, events[i].At = id, 1, at
	}
	if err := w.memory.Append(context.Background(), events...); err != nil {
		w.t.Error(err)
	}
}

func (w *world) RepoOf(e recipes.Enrolment) (forge.Repo, bool) {
	r, err := forge.ParseRepo(cmp.Or(e.Forge, "gitea"), e.Repo)
	return r, err == nil
}

func (w *world) IssuesOf(string) (bridge.Issues, func(context.Context) (forge.Person, error), bool) {
	return w, func(context.Context) (forge.Person, error) { return me, nil }, true
}

func (w *world) trouble() error {
	switch {
	case w.down:
		return errors.New("502")
	case w.noIssue:
		return forge.ErrNotFound
	}
	return nil
}

func (w *world) CreateIssue(_ context.Context, repo forge.Repo, title, body string) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.trouble(); err != nil {
		return 0, err
	}
	w.issues = append(w.issues, forge.Issue{Repo: repo, Number: len(w.issues) + 1, Title: title, Body: body, Open: true})
	w.writes = append(w.writes, "open: "+title)
	return len(w.issues), nil
}

func (w *world) EditIssue(_ context.Context, _ forge.Repo, number int, title, body string, open bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.trouble(); err != nil {
		return err
	}
	i := &w.issues[number-1]
	word := "edit: "
	switch {
	case i.Open && !open:
		word = "close: "
	case !i.Open && open:
		word = "reopen: "
	}
	i.Title, i.Body, i.Open = title, body, open
	w.writes = append(w.writes, word+title)
	return nil
}

func (w *world) FindIssue(_ context.Context, _ forge.Repo, marker string, author forge.Person) (forge.Issue, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.trouble(); err != nil {
		return forge.Issue{}, false, err
	}
	for _, i := range w.issues {
		if author == me && strings.Contains(i.Body, marker) {
			return i, true, nil
		}
	}
	return forge.Issue{}, false, nil
}
