package bridge_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"seatrial/bridge"
	"seatrial/bridge/admission"
	"seatrial/bridge/attempt"
	"seatrial/bridge/dispatch/dispatchtest"
	"seatrial/bridge/forge"
	"seatrial/bridge/ledger/ledgertest"
	"seatrial/bridge/queue"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/recipes"
)

const (
	oldHead = "1111111111111111111111111111111111111111"
	newHead = "2222222222222222222222222222222222222222"
)

var (
	guestbook = forge.Repo{Forge: "gitea", Owner: "coop", Name: "guestbook"}
	wiki      = forge.Repo{Forge: "gitea", Owner: "coop", Name: "wiki"} // not enrolled
	bot       = forge.Person{ID: 1, Login: "seatrial"}
	ada       = forge.Person{ID: 5, Login: "ada"}   // a member
	grace     = forge.Person{ID: 6, Login: "grace"} // another one
	eve       = forge.Person{ID: 9, Login: "eve"}   // a stranger
)

var (
	errDead     = errors.New("the bridge was killed")
	errNoAnswer = fmt.Errorf("gave up waiting for an answer: %w", context.DeadlineExceeded)
)

// world is everything around the bridge. It outlives the bridge, which can be
// killed before or after any of its deeds and started again.
type world struct {
	t          *testing.T
	memory     *ledgertest.Memory
	executor   *dispatchtest.Fake
	forge      *fakeForge
	capacity   int
	routes     *routes
	mergeQueue bool
	who        recipes.Who // may ask for runs of the guestbook
	perPerson  int
	permitted  admission.Permissions
	isolated   atomic.Value     // why code cannot be isolated
	preparer   attempt.Preparer // of every run; nil: none is prepared

	cannotFetch admission.Obstacle // what is private
	deps        []string           // of the guestbook
	others      []recipes.Enrolment
	hub         *hangingForge // a second forge; nil for none

	mu     sync.Mutex
	deeds  int
	killAt int  // the deed at which the bridge dies; 0 for never
	failAt int  // the deed that it is told has failed; 0 for none
	after  bool // it is done all the same
	alive  *life
}

// life is one process of the bridge.
type life struct {
	bridge *bridge.Bridge
	queue  *queue.Queue
	end    context.CancelFunc
	done   chan error
	dead   bool
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, memory: ledgertest.New(), capacity: 1, routes: &routes{now: map[string]string{}}}
	w.executor = &dispatchtest.Fake{Script: passes}
	w.forge = newFakeForge()
	t.Cleanup(w.executor.Close)
	return w
}

// start begins a life of the bridge, and waits until it has looked around.
func (w *world) start() {
	w.t.Helper()
	l := &life{queue: queue.New(queue.Config{Capacity: w.capacity, Prepares: func(run.Request) bool { return w.preparer != nil }}), done: make(chan error, 1)}
	ctx, end := context.WithCancel(context.Background())
	l.end = end
	mortal := &mortal{w: w, l: l}
	forges := []bridge.Forge{{ID: "gitea", Org: "coop", Permissions: w.permitted, Client: copying{mortalForge{w.forge, mortal}, w.forge}}}
	if w.hub != nil {
		forges = append(forges, bridge.Forge{ID: "hub", Org: "guild", Client: w.hub})
	}
	b, err := bridge.New(bridge.Config{
		Forges: forges,
		Enrolments: func() []recipes.Enrolment {
			return append([]recipes.Enrolment{{Name: "guestbook", Repo: "coop/guestbook", MergeQueue: w.mergeQueue, Who: w.who, Deps: w.deps}}, w.others...)
		},
		Journal:       mortalMemory{w.memory, mortal},
		Ledger:        mortalMemory{w.memory, mortal},
		Queue:         l.queue,
		Dispatcher:    mortalExecutor{w.executor, mortal},
		Routes:        w.routes,
		Preparer:      w.preparer,
		CannotIsolate: func() string { why, _ := w.isolated.Load().(string); return why },
		PerPerson:     w.perPerson,
		Copies:        "/state/private",
		CannotFetch:   w.cannotFetch,
		PublicURL:     "https://ci.test",
		Log:           slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	l.bridge = b
	w.mu.Lock()
	w.routes.reset()
	w.alive = l
	w.mu.Unlock()
	go func() { l.done <- b.Run(ctx) }()
	pause(time.Second)
}

// pause lets time pass, and everybody finish what they do at its end.
func pause(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// stop ends the life in good order.
func (w *world) stop() {
	w.t.Helper()
	w.mu.Lock()
	w.killAt = 0
	w.mu.Unlock()
	w.alive.end()
	if err := <-w.alive.done; err != nil && !w.killed() {
		w.t.Errorf("the bridge ended with %v", err)
	}
}

func (w *world) killed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.alive.dead
}

// mortal lets the bridge die at a deed.
type mortal struct {
	w *world
	l *life
}

// do does a deed, or not, if the bridge dies at it or is dead.
func (m *mortal) do(deed func() error) error {
	m.w.mu.Lock()
	if m.l.dead {
		m.w.mu.Unlock()
		return errDead
	}
	m.w.deeds++
	if m.w.deeds == m.w.failAt {
		m.w.mu.Unlock()
		if m.w.after {
			if err := deed(); err != nil {
				return err
			}
		}
		return errNoAnswer
	}
	dies := m.w.deeds == m.w.killAt
	m.l.dead = dies
	m.w.mu.Unlock()
	if !dies {
		return deed()
	}
	defer m.l.end() // a deed that is done all the same minds its context
	if m.w.after {
		if err := deed(); err != nil {
			return err
		}
	}
	return errDead
}

// routes records where apps are reached.
type routes struct {
	mu  sync.Mutex
	now map[string]string
	all int
}

func (r *routes) Set(label, addr string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now[label] = addr
	r.all++
}

func (r *routes) Remove(label string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.now, label)
}

// reset is what a new process begins with.
func (r *routes) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.now)
}

func (r *routes) labels() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.now))
}

// What a run does. Each stage takes ten seconds.

func begin(r run.Request, emit func(run.Event), stages ...run.Stage) {
	emit(run.Event{Kind: run.KindStarted}.With(run.Started{Label: r.ID.Label(r.Recipe), Gateway: "127.0.0.1:4242"}))
	emit(run.Event{Kind: run.KindPlanned}.With(run.Plan{Stages: stages, Commit: r.Code.Commit, Tree: "tree"}))
}

func end(emit func(run.Event)) bool {
	emit(run.Event{Kind: run.KindTornDown}.With(run.Swept{}))
	emit(run.Event{Kind: run.KindFinished})
	return true
}

func passes(ctx context.Context, r run.Request, _ int, emit func(run.Event)) bool {
	begin(r, emit, run.StageInstall, run.StageRestart)
	for _, stage := range []run.Stage{run.StageInstall, run.StageRestart} {
		emit(run.Event{Kind: run.KindStageStarted, Stage: stage})
		select {
		case <-ctx.Done():
			emit(run.Event{Kind: run.KindInterrupted, Note: string(run.EndCancelled)})
			return end(emit)
		case <-time.After(10 * time.Second):
		}
		emit(run.Event{Kind: run.KindStageEnded, Stage: stage, Outcome: run.Passed, Took: 10 * time.Second})
	}
	return end(emit)
}

func dies(_ context.Context, r run.Request, _ int, emit func(run.Event)) bool {
	begin(r, emit, run.StageInstall)
	time.Sleep(5 * time.Second)
	return false
}

// What is looked at afterwards.

func (w *world) runs() []run.Report {
	w.t.Helper()
	reports, err := w.memory.Reports(context.Background(), journal.Filter{Limit: 100})
	if err != nil {
		w.t.Fatal(err)
	}
	slices.SortFunc(reports, func(a, b run.Report) int { return cmp.Compare(a.Request.ID, b.Request.ID) })
	return reports
}

func (w *world) onlyRun() run.Report {
	w.t.Helper()
	reports := w.runs()
	if len(reports) != 1 {
		w.t.Fatalf("there are %d runs, want 1", len(reports))
	}
	return reports[0]
}

func wantVerdict(t *testing.T, r run.Report, want run.Verdict, ending run.Ending) {
	t.Helper()
	if got := r.Verdict(); got != want || r.Ending != ending {
		t.Errorf("run %s at %.4s is %s (%s, %q), want %s (%q)", r.Request.ID, r.Request.Code.Commit, got, r.State, r.Ending, want, ending)
	}
}
