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
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"seatrial/bridge"
	"seatrial/bridge/dispatch"
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

var errDead = errors.New("the bridge was killed")

// world is everything around the bridge. It outlives the bridge, which can be
// killed before or after any of its deeds and started again.
type world struct {
	t        *testing.T
	memory   *ledgertest.Memory
	place    *dispatchtest.Fake
	forge    *fakeForge
	capacity int
	routes   *routes
	trusted  bool
	isolated atomic.Value // why code cannot be isolated

	mu     sync.Mutex
	deeds  int
	killAt int  // the deed at which the bridge dies; 0 for never
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
	w.place = &dispatchtest.Fake{Script: passes}
	w.forge = newFakeForge()
	t.Cleanup(w.place.Close)
	return w
}

// start begins a life of the bridge, and waits until it has looked around.
func (w *world) start() {
	w.t.Helper()
	l := &life{queue: queue.New(queue.Config{Capacity: w.capacity}), done: make(chan error, 1)}
	ctx, end := context.WithCancel(context.Background())
	l.end = end
	mortal := &mortal{w: w, l: l}
	b, err := bridge.New(bridge.Config{
		Forges:        []bridge.Forge{{ID: "gitea", Org: "coop", Client: mortalForge{w.forge, mortal}}},
		Enrolments:    func() []recipes.Enrolment { return []recipes.Enrolment{{Name: "guestbook", Repo: "coop/guestbook"}} },
		Journal:       mortalMemory{w.memory, mortal},
		Ledger:        mortalMemory{w.memory, mortal},
		Queue:         l.queue,
		Dispatcher:    mortalPlace{w.place, mortal},
		Routes:        w.routes,
		CannotIsolate: func() string { why, _ := w.isolated.Load().(string); return why },
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
	dies := m.w.deeds == m.w.killAt
	if dies {
		m.l.dead = true
		m.l.end()
	}
	m.w.mu.Unlock()
	if !dies {
		return deed()
	}
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

// fakeForge is a forge in memory.
type fakeForge struct {
	mu       sync.Mutex
	next     int64
	comments []forge.Comment
	eyes     map[int64]int
	pulls    map[string]*forge.PullRequest
	pushes   map[string][]forge.Push
	members  map[int64]bool
	statuses map[string][]forge.Status // by commit
	calls    []string
	posts    int
	edits    []time.Time
	fail     func(call string) error
}

func newFakeForge() *fakeForge {
	f := &fakeForge{next: 100, eyes: map[int64]int{}, pulls: map[string]*forge.PullRequest{}, pushes: map[string][]forge.Push{},
		members: map[int64]bool{ada.ID: true, grace.ID: true}, statuses: map[string][]forge.Status{}}
	for _, repo := range []forge.Repo{guestbook, wiki} {
		f.pulls[key(repo, 7)] = &forge.PullRequest{Repo: repo, Number: 7, Open: true, Head: oldHead, HeadRef: "refs/pull/7/head", Base: "main",
			CloneURL: "https://forge.test/" + repo.String() + ".git", URL: "https://forge.test/" + repo.String() + "/pulls/7"}
	}
	return f
}

func key(repo forge.Repo, pull int) string { return fmt.Sprintf("%s#%d", repo, pull) }

// What people do.

func (f *fakeForge) say(who forge.Person, body string) int64 { return f.sayOn(guestbook, who, body) }

func (f *fakeForge) sayOn(repo forge.Repo, who forge.Person, body string) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	now := time.Now().Truncate(time.Second)
	f.comments = append(f.comments, forge.Comment{Repo: repo, Pull: 7, ID: f.next, Author: who, Body: body, Created: now, Updated: now})
	return f.next
}

func (f *fakeForge) push(after string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	pull := f.pulls[key(guestbook, 7)]
	f.pushes[key(guestbook, 7)] = append(f.pushes[key(guestbook, 7)], forge.Push{ID: f.next, At: time.Now().Truncate(time.Second), Before: pull.Head, After: after})
	pull.Head = after
}

func (f *fakeForge) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pulls[key(guestbook, 7)].Open = false
}

// forget loses the pull request.
func (f *fakeForge) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.pulls, key(guestbook, 7))
}

// edited marks a comment as edited.
func (f *fakeForge) edited(id int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.comments {
		if f.comments[i].ID == id {
			f.comments[i].Updated = time.Now().Add(time.Second)
		}
	}
}

func (f *fakeForge) remove(id int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.comments = slices.DeleteFunc(f.comments, func(c forge.Comment) bool { return c.ID == id })
}

// ours are the comments of the bot.
func (f *fakeForge) ours() []forge.Comment {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.comments), func(c forge.Comment) bool { return c.Author != bot })
}

func (f *fakeForge) states(commit string) []forge.StatusState {
	f.mu.Lock()
	defer f.mu.Unlock()
	var states []forge.StatusState
	for _, s := range f.statuses[commit] {
		states = append(states, s.State)
	}
	return states
}

func (f *fakeForge) called() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// What the bridge asks.

func (f *fakeForge) call(name string) error {
	f.calls = append(f.calls, name)
	if f.fail != nil {
		return f.fail(name)
	}
	return nil
}

func (f *fakeForge) CommentsAfter(_ context.Context, scope forge.Scope, cursor forge.Cursor) ([]forge.Comment, forge.Cursor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("CommentsAfter"); err != nil {
		return nil, "", err
	}
	next := forge.Cursor(strconv.FormatInt(f.next, 10))
	if cursor == "" {
		return nil, next, nil
	}
	after, err := strconv.ParseInt(string(cursor), 10, 64)
	if err != nil {
		return nil, "", err
	}
	var found []forge.Comment
	for _, c := range f.comments {
		if c.ID >= after && scope.Wants(c.Repo) { // the last one again, as real forges do
			found = append(found, c)
		}
	}
	return found, next, nil
}

func (f *fakeForge) DefaultBranch(context.Context, forge.Repo) (string, []forge.Tree, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return "main", []forge.Tree{{Commit: oldHead, Tree: "tree"}}, f.call("DefaultBranch")
}

func (f *fakeForge) Member(_ context.Context, _ string, p forge.Person) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.members[p.ID], f.call("Member")
}

func (f *fakeForge) PullRequest(_ context.Context, repo forge.Repo, number int) (forge.PullRequest, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("PullRequest"); err != nil {
		return forge.PullRequest{}, err
	}
	pull := f.pulls[key(repo, number)]
	if pull == nil {
		return forge.PullRequest{}, forge.ErrNotFound
	}
	return *pull, nil
}

func (f *fakeForge) Pushes(_ context.Context, repo forge.Repo, number int, since time.Time) ([]forge.Push, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	pushes := slices.DeleteFunc(slices.Clone(f.pushes[key(repo, number)]), func(p forge.Push) bool { return p.At.Before(since) })
	return pushes, f.call("Pushes")
}

func (f *fakeForge) Self(context.Context) (forge.Person, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return bot, f.call("Self")
}

func (f *fakeForge) React(_ context.Context, _ forge.Repo, comment int64, reaction string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("React"); err != nil {
		return err
	}
	f.eyes[comment]++
	return nil
}

func (f *fakeForge) CreateComment(_ context.Context, repo forge.Repo, pull int, body string) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("CreateComment"); err != nil {
		return 0, err
	}
	f.next++
	f.posts++
	now := time.Now()
	f.comments = append(f.comments, forge.Comment{Repo: repo, Pull: pull, ID: f.next, Author: bot, Body: body, Created: now, Updated: now})
	return f.next, nil
}

func (f *fakeForge) EditComment(_ context.Context, _ forge.Repo, id int64, body string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("EditComment"); err != nil {
		return err
	}
	for i := range f.comments {
		if f.comments[i].ID == id {
			if f.comments[i].Body == body {
				f.calls = append(f.calls, "an edit that changes nothing")
			}
			f.comments[i].Body, f.comments[i].Updated = body, time.Now()
			f.edits = append(f.edits, time.Now())
			return nil
		}
	}
	return forge.ErrNotFound
}

func (f *fakeForge) FindComment(_ context.Context, repo forge.Repo, pull int, marker string, author forge.Person) (int64, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("FindComment"); err != nil {
		return 0, false, err
	}
	for _, c := range f.comments {
		if c.Repo == repo && c.Pull == pull && c.Author == author && strings.Contains(c.Body, marker) {
			return c.ID, true, nil
		}
	}
	return 0, false, nil
}

func (f *fakeForge) SetStatus(_ context.Context, _ forge.Repo, commit string, s forge.Status) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("SetStatus"); err != nil {
		return err
	}
	f.statuses[commit] = append(f.statuses[commit], s)
	return nil
}

func (f *fakeForge) LastStatus(_ context.Context, _ forge.Repo, commit, _ string) (forge.Status, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("LastStatus"); err != nil {
		return forge.Status{}, false, err
	}
	all := f.statuses[commit]
	if len(all) == 0 {
		return forge.Status{}, false, nil
	}
	return all[len(all)-1], true, nil
}

var _ bridge.Client = (*fakeForge)(nil)
var _ dispatch.Dispatcher = (*dispatchtest.Fake)(nil)
