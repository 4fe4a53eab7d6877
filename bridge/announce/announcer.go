package announce

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"seatrial/bridge/admission"
	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// Comments is how a forge lets us write. EditComment returns forge.ErrNotFound for
// a comment that was deleted.
type Comments interface {
	CreateComment(ctx context.Context, repo forge.Repo, pull int, body string) (int64, error)
	EditComment(ctx context.Context, repo forge.Repo, id int64, body string) error
	FindComment(ctx context.Context, repo forge.Repo, pull int, marker string, author forge.Person) (int64, bool, error)
}

// Statuses is how a forge lets us mark a commit.
type Statuses interface {
	SetStatus(ctx context.Context, repo forge.Repo, commit string, s forge.Status) error
	LastStatus(ctx context.Context, repo forge.Repo, commit, context string) (forge.Status, bool, error)
}

// Voice is us on one forge.
type Voice struct {
	Comments
	Statuses
	// Self says who we are there.
	Self func(context.Context) (forge.Person, error)
}

// Reports is what is asked of the journal.
type Reports interface {
	Report(ctx context.Context, id run.ID) (run.Report, error)
	Reports(ctx context.Context, filter journal.Filter) ([]run.Report, error)
}

// Memory is what is asked of the ledger.
type Memory interface {
	ledger.Announcements
	ledger.Audit
	CommentOf(ctx context.Context, id run.ID) (ledger.Comment, bool, error)
	RefusedComments(ctx context.Context) ([]ledger.Comment, error)
}

// DefaultEvery is how often a running run's comment is edited at most.
const DefaultEvery = 10 * time.Second

// Config is what an Announcer needs.
type Config struct {
	Voice   func(forgeID string) (Voice, bool)
	Reports Reports
	Memory  Memory

	Context func(context.Context, run.Report) Context
	Refusal func(ledger.Comment) admission.Words // for a refused comment

	Every time.Duration // default DefaultEvery
	Now   func() time.Time
	Log   *slog.Logger
}

// Announcer says what changed, until everything was said. Its methods are safe for
// concurrent use.
type Announcer struct {
	Config

	mu      sync.Mutex
	ctx     context.Context          // of Run, while it runs
	slots   map[string]chan struct{} // by forge
	pending map[string]update        // from before Run
	workers map[string]*worker
	wg      sync.WaitGroup
}

// atOnce is how many updates go to one forge at the same time, so as not to storm a slow
// one. Forges do not share these slots: one that hangs delays no other.
const atOnce = 4

// New makes an announcer. It says nothing until Run.
func New(c Config) *Announcer {
	c.Every = cmp.Or(max(c.Every, 0), DefaultEvery)
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Announcer{Config: c, slots: map[string]chan struct{}{}, pending: map[string]update{}, workers: map[string]*worker{}}
}

// Run says what was left unsaid by an earlier process, then whatever Changed and
// Refused name, until the context ends. It returns when every worker has stopped.
func (a *Announcer) Run(ctx context.Context) error {
	ids, err := a.Memory.Unannounced(ctx)
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.ctx = ctx
	pending := a.pending
	a.pending = map[string]update{}
	a.mu.Unlock()
	for _, id := range ids {
		a.keep(a.runUpdate(id, true))
	}
	for _, u := range pending {
		a.keep(u)
	}
	if err := a.Refused(ctx); err != nil {
		a.Log.Error("cannot read which refusals are to be answered", "err", err)
	}
	<-ctx.Done()
	a.mu.Lock()
	a.ctx = nil
	a.mu.Unlock()
	a.wg.Wait()
	return nil
}

// Changed says that a run's report, or its place in the queue, has changed.
func (a *Announcer) Changed(id run.ID) { a.keep(a.runUpdate(id, false)) }

// Refused looks for refusals that were not answered yet.
func (a *Announcer) Refused(ctx context.Context) error {
	refused, err := a.Memory.RefusedComments(ctx)
	if err != nil {
		return err
	}
	for _, c := range refused {
		a.keep(a.refusalUpdate(c))
	}
	return nil
}

// update is one thing to keep up to date on a forge: a run's comment and status, or the
// answer to a refused comment.
type update struct {
	key string
	// forge is where it is said.
	forge func(context.Context) (id string, err error)
	// try says what there is to say. It returns when to try again although nothing changed
	// (0: not before something does), and whether all was said.
	try func(ctx context.Context, w *worker) (again time.Duration, done bool, err error)
}

// keep wakes the update's worker, or starts one.
func (a *Announcer) keep(u update) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w := a.workers[u.key]; w != nil {
		select {
		case w.wake <- struct{}{}:
		default:
		}
		return
	}
	if a.ctx == nil || a.ctx.Err() != nil {
		a.pending[u.key] = u
		return
	}
	w := &worker{key: u.key, wake: make(chan struct{}, 1), retry: newRetry()}
	a.workers[u.key] = w
	ctx := a.ctx
	a.wg.Go(func() { a.work(ctx, w, u) })
}

// slotsOf are the slots of one forge.
func (a *Announcer) slotsOf(forgeID string) chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.slots[forgeID] == nil {
		a.slots[forgeID] = make(chan struct{}, atOnce)
	}
	return a.slots[forgeID]
}
