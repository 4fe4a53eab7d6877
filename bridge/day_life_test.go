package bridge_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"seatrial/bridge"
	"seatrial/bridge/dispatch/dispatchtest"
	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
	"seatrial/bridge/forge/gitea"
	"seatrial/bridge/hook"
	"seatrial/bridge/queue"
	"seatrial/recipes"
	"seatrial/store"
)

// day is the world of a long story: a forge that speaks its protocol, the journal's own
// file, and a bridge that is killed and started again on them.
type day struct {
	*world
	server *forgetest.Server
	wire   *wire
	folder string
	token  string

	enrolled []recipes.Enrolment
	lives    int
	living   *dayLife
	spared   bool // it is not killed now

	writing sync.Mutex
	diary   []string
}

// note writes down what happened when, for whoever has to understand a day that went wrong.
func (d *day) note(format string, a ...any) {
	d.writing.Lock()
	defer d.writing.Unlock()
	d.diary = append(d.diary, time.Now().UTC().Format("15:04:05 ")+fmt.Sprintf(format, a...))
}

// dayLife is a life with all that has to end with it.
type dayLife struct {
	*life
	ctx   context.Context
	db    *store.DB
	hooks sync.WaitGroup
	mu    sync.Mutex
	over  bool // no more hooks
}

// newDay has an organisation with a bot, members, strangers and enrolled repositories.
func newDay(t *testing.T, repos int) (*day, []forge.Repo) {
	t.Helper()
	d := &day{world: &world{t: t, capacity: 3, routes: &routes{now: map[string]string{}}}, folder: inMemory(t)}
	d.executor = &dispatchtest.Fake{Script: passesOrNot}
	server, err := forgetest.New(forgetest.Options{NoListener: true, Dir: t.TempDir(), Now: time.Now})
	d.must(err)
	d.server, d.wire = server, &wire{base: server.Transport(), by: map[string]int{}}
	for _, login := range append([]string{bot.Login}, append(dayMembers, dayStrangers...)...) {
		_, err := server.AddUser(login)
		d.must(err)
	}
	d.must(server.AddOrg("coop"))
	d.must(server.AddMember("coop", bot.Login, forgetest.Write))
	for _, login := range dayMembers {
		d.must(server.AddMember("coop", login, forgetest.Read))
	}
	d.token, err = server.Token(bot.Login)
	d.must(err)
	all := server.AddEmptyRepos("coop", "app", repos)
	for _, r := range all {
		d.enrolled = append(d.enrolled, recipes.Enrolment{Name: r.Name, Repo: r.String()})
	}
	return d, all
}

func (d *day) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// inMemory is a folder where writing is quick: what a disk does is of no interest here.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "day-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// wire counts what goes over it, and what of that failed in which way.
type wire struct {
	base http.RoundTripper
	mu   sync.Mutex
	way  string // in which the forge fails now
	all  int
	by   map[string]int
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.all++
	if w.way != "" {
		w.by[w.way]++
	}
	w.mu.Unlock()
	return w.base.RoundTrip(r)
}

func (w *wire) fails(way string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.way = way
}

// dayForge is the real adapter, whose bridge may die at each of its deeds.
type dayForge struct {
	mortalForge
	skew func() time.Duration
}

func (f dayForge) Skew() time.Duration { return f.skew() }

// start begins a life on the journal that the one before left.
func (d *day) start() {
	d.t.Helper()
	db, err := store.Open(context.Background(), filepath.Join(d.folder, "journal.db"), store.Options{Light: d.lives > 0})
	d.must(err)
	adapter, err := gitea.New(gitea.Config{
		ID: "gitea", URL: d.server.URL(), Token: func() string { return d.token },
		Scratch: filepath.Join(d.folder, "scratch"), HTTPClient: &http.Client{Transport: d.wire}, Now: time.Now,
	})
	d.must(err)
	l := &dayLife{life: &life{queue: queue.New(queue.Config{Capacity: d.capacity}), done: make(chan error, 1)}, db: db}
	l.ctx, l.end = context.WithCancel(context.Background())
	m := &mortal{w: d.world, l: l.life}
	mind := mortalMemory{db, m}
	l.bridge, err = bridge.New(bridge.Config{
		Forges:     []bridge.Forge{{ID: "gitea", Org: "coop", Client: dayForge{mortalForge{adapter, m}, adapter.Skew}}},
		Enrolments: func() []recipes.Enrolment { return d.enrolled },
		Journal:    mind, Ledger: mind, Queue: l.queue, Dispatcher: mortalExecutor{d.executor, m}, Routes: d.routes,
		PublicURL: "https://ci.test", Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	d.must(err)
	d.mu.Lock()
	d.lives++
	d.killAt = 0
	d.routes.reset()
	d.alive, d.living = l.life, l
	d.mu.Unlock()
	d.note("life %d begins", d.lives)
	go func() { l.done <- l.bridge.Run(l.ctx) }()
}

// now is the life that goes on.
func (d *day) now() *dayLife {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.living
}

// wait is for the end of a life, and gives back what it held.
func (l *dayLife) wait(t *testing.T, w *world) {
	err := <-l.done
	l.mu.Lock()
	l.over = true
	l.mu.Unlock()
	l.end() // also what a hook set going
	l.hooks.Wait()
	w.mu.Lock()
	dead := l.dead
	w.mu.Unlock()
	if err != nil && !dead {
		t.Errorf("the bridge ended with %v", err)
	}
	if err := l.db.Close(); err != nil {
		t.Error(err)
	}
}

// keepAlive starts a bridge whenever the last one was killed, a while later, until the
// last life is ended in good order.
func (d *day) keepAlive(random *rand.Rand, over <-chan struct{}) {
	for {
		l := d.now()
		l.wait(d.t, d.world)
		d.note("the life is over")
		select {
		case <-over:
			return
		case <-time.After(time.Duration(random.IntN(900)) * time.Second):
		}
		d.start()
	}
}

// spare lets nobody kill the life until it is spared no more. It says whether there is one.
func (d *day) spare(yes bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.spared, d.killAt = yes, 0
	return !d.alive.dead
}

// kill ends the life: at one of its next deeds, before or after it is done, or now.
func (d *day) kill(random *rand.Rand) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.spared {
		return
	}
	if n := random.IntN(8); n > 0 {
		d.killAt, d.after = d.deeds+n, random.IntN(2) == 0
		return
	}
	d.alive.dead = true
	d.alive.end()
}

// hooked tells the bridge of a comment, if there is one to tell.
func (d *day) hooked(repo forge.Repo, pull int, id int64) {
	l := d.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over || l.ctx.Err() != nil {
		return
	}
	l.hooks.Go(func() {
		l.bridge.Hooked(l.ctx, hook.Event{Forge: "gitea", Kind: hook.Comment, Action: "created", Repo: repo, Pull: pull, CommentID: id})
	})
}
