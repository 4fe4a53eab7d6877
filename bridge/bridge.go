// Package bridge joins the parts that lead from a comment to a verdict: it listens
// to forges, decides, starts runs elsewhere, follows them, and keeps the pull
// request informed.
//
// Everything that matters lies in the journal and the ledger, and everything that
// is done next is worked out from them: a bridge that is killed at any moment and
// started again does what was left to do, and nothing twice. The place where runs
// live, not the bridge, is the truth about what is running: stopping the bridge
// stops no run. One bridge at a time works on a ledger. It holds no test logic and
// never touches a recipe's code.
package bridge

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"seatrial/bridge/admission"
	"seatrial/bridge/announce"
	"seatrial/bridge/command"
	"seatrial/bridge/dispatch"
	"seatrial/bridge/forge"
	"seatrial/bridge/intake"
	"seatrial/bridge/ledger"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// Queue is the only place that knows capacity. bridge/queue implements it, and says
// what each method promises.
type Queue interface {
	Restore(reports []run.Report)
	Add(r run.Request) bool
	Take(ctx context.Context) (run.Request, run.Lease, error)
	Renew(id run.ID) (run.Lease, bool)
	Release(id run.ID, leftovers []run.Leftover) bool
	Clean(id run.ID) bool
	Remove(id run.ID) bool
	Position(id run.ID) (place, of int, wait time.Duration, ok bool)
	Unmet(needs []string) []string
	ToPrepare(ctx context.Context) (r run.Request, gone <-chan struct{}, err error)
	Prepared(id run.ID)
	Preparing(id run.ID) bool
}

// Routes is told where apps can be reached while they live. The gateway implements it.
type Routes interface {
	Set(label, addr string)
	Remove(label string)
}

// Baselines finds the run that a change is compared with: the latest one whose git
// tree is on the repository's default branch.
type Baselines interface {
	DefaultBranchReport(ctx context.Context, forge, repo string) (run.Report, bool, error)
}

// Config is what a Bridge is joined from.
type Config struct {
	Forges     []Forge
	Enrolments func() []recipes.Enrolment // asked anew each time, so that they can be reloaded

	Journal    journal.Journal
	Ledger     ledger.Ledger
	Queue      Queue
	Dispatcher dispatch.Dispatcher
	Routes     Routes    // may be nil
	Baselines  Baselines // may be nil
	// Preparer prepares those waiting runs that the queue says have to be; nil where none has.
	Preparer Preparer

	// CannotIsolate says why this host cannot keep code away from itself; empty, or a
	// nil function, where it can.
	CannotIsolate func() string
	// CannotDispatch says what is in the way of a recipe's runs at the place of the
	// dispatcher, before anything is started there; an error where that cannot be found
	// out now, which is no reason to refuse. May be nil.
	CannotDispatch func(ctx context.Context, e recipes.Enrolment) (admission.Obstacle, error)

	// Copies is the folder of private repositories' copies: only the bridge writes there,
	// and only runs on this machine read there.
	Copies string
	// CannotFetch says why runs of private repositories are refused; empty where they are not.
	CannotFetch admission.Obstacle

	// PerPerson is how many runs one person may ask for in an hour; 0 for any number.
	PerPerson int

	PublicURL string // the dashboard's
	Grammar   command.Grammar
	// EnrolmentPath is the enrolment's file as people at home have it. May be nil.
	EnrolmentPath func(recipe string) string
	// Mask hides secret values in what runs wrote. May be nil.
	Mask func(string) string

	Interval      time.Duration // between questions to a forge; default 30 s
	SweepEvery    time.Duration // default 10 min
	AnnounceEvery time.Duration // default 10 s

	Now func() time.Time
	Log *slog.Logger
}

// Bridge is joined by New and lives in Run.
type Bridge struct {
	Config
	forges    map[string]*place
	poller    *intake.Poller
	announcer *announce.Announcer
	numbers   *numbers
	found     chan struct{} // open comments may be there
	ready     chan struct{} // closed when the journal's runs are known

	// deciding guards a waiting run's next step: it gets its slot, or it is
	// superseded, joined or cancelled, and the journal knows before anybody else may ask.
	deciding sync.Mutex

	// comparing guards comparing a run with its pull request, so that what follows is
	// written down once.
	comparing sync.Mutex

	mu      sync.Mutex
	cancels map[run.ID]chan struct{}
	labels  map[run.ID]string

	runs sync.WaitGroup // what follows a run
}

// New joins a bridge. It touches nothing until Run.
func New(c Config) (*Bridge, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Interval <= 0 {
		c.Interval = intake.DefaultInterval
	}
	b := &Bridge{
		Config:  c,
		forges:  map[string]*place{},
		found:   make(chan struct{}, 1),
		ready:   make(chan struct{}),
		cancels: map[run.ID]chan struct{}{},
		labels:  map[run.ID]string{},
	}
	var sources []intake.Source
	for _, f := range c.Forges {
		if f.ID == "" || b.forges[f.ID] != nil {
			return nil, fmt.Errorf("cannot listen to forge %q: every forge needs an id of its own", f.ID)
		}
		b.forges[f.ID] = &place{Forge: f}
		sources = append(sources, b.forges[f.ID].source())
	}
	b.numbers = newNumbers(b)
	b.poller = intake.New(intake.Config{
		Sources: sources, Enrolled: b.enrolled, Memory: c.Ledger, Grammar: c.Grammar,
		Found: func() { nudge(b.found) }, Seen: b.numbers.sawComment, Busy: b.busy, Interval: c.Interval, SweepEvery: c.SweepEvery, Now: c.Now, Log: c.Log,
	})
	b.announcer = announce.New(announce.Config{
		Voice: b.voice, Reports: c.Journal, Memory: c.Ledger, Context: b.context, Refusal: b.refusalWords,
		Every: c.AnnounceEvery, Now: c.Now, Log: c.Log,
	})
	return b, nil
}

// Look asks a forge for new comments now instead of later.
func (b *Bridge) Look(forgeID string) { b.poller.Look(forgeID) }

// Run does the bridge's work until the context ends. Runs go on without it. An
// error means that the journal or the ledger could not be read at the start.
func (b *Bridge) Run(ctx context.Context) error {
	from, err := b.Journal.Last(ctx)
	if err != nil {
		return fmt.Errorf("cannot read the journal: %w", err)
	}
	g, ctx := errgroup.WithContext(ctx)
	if err := b.resume(ctx); err != nil {
		return err
	}
	close(b.ready)
	g.Go(func() error { return b.introduce(ctx) })
	g.Go(func() error { return b.announcer.Run(ctx) })
	g.Go(func() error { return b.poller.Run(ctx) })
	g.Go(func() error { return b.answerComments(ctx) })
	g.Go(func() error { return b.takeTurns(ctx) })
	for range preparedAtOnce {
		g.Go(func() error { return b.prepareWaiting(ctx) })
	}
	g.Go(func() error { return b.listen(ctx, from) })
	g.Go(func() error { return b.watchPulls(ctx) })
	err = g.Wait()
	b.runs.Wait()
	return err
}

func (b *Bridge) enrolled() []forge.Repo {
	all := b.Enrolments()
	repos := make([]forge.Repo, 0, len(all))
	for _, e := range all {
		if repo, ok := b.repoOf(e); ok {
			repos = append(repos, repo)
		}
	}
	return repos
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
