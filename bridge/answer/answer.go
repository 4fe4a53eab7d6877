// Package answer takes a request for a run to its answer, whoever asks: a comment, a
// program, a schedule or a merge queue.
//
// There is one road: read what the forge says (read.go), decide (package admission),
// settle, which records the decision together with the run that it starts or joins
// (settle.go), and say it (say.go). Every command is answered exactly once, whenever the
// process restarts. If nothing can be decided yet, nothing is recorded, and the same is
// tried again later. A forge that does not answer holds up no other forge's comments.
package answer

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"seatrial/bridge/admission"
	"seatrial/bridge/announce"
	"seatrial/bridge/command"
	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/bridge/queue"
	"seatrial/harness/journal"
	"seatrial/recipes"
)

// Client is what is asked of a forge.
type Client interface {
	admission.Members
	PullRequest(ctx context.Context, repo forge.Repo, number int) (forge.PullRequest, error)
	Pushes(ctx context.Context, repo forge.Repo, number int, since time.Time) ([]forge.Push, error)
	Branch(ctx context.Context, repo forge.Repo, name string) (forge.Branch, error)
	React(ctx context.Context, repo forge.Repo, comment int64, reaction string) error
}

// Forge is one whose comments are answered.
type Forge struct {
	Org         string // whose members may ask
	Client      Client
	Permissions admission.Permissions
	// Self finds out who we are there; Known is what Self found, or the zero value.
	Self  func(context.Context) (forge.Person, error)
	Known func() forge.Person
}

// Config is what an Answerer needs.
type Config struct {
	Forges   map[string]Forge // by ID
	Enrolled Enrolled

	Journal   journal.Journal
	Ledger    ledger.Ledger
	Queue     *queue.Queue
	Announcer *announce.Announcer
	// Deciding guards the next step of waiting runs; see attempt.Config.
	Deciding *sync.Mutex
	// Audit records who decided what and why.
	Audit func(context.Context, ledger.AuditEntry)

	// CannotIsolate says why this host cannot keep code away from itself; empty if it can.
	// May be nil.
	CannotIsolate func() string
	// CannotDispatch says why the executor does not take a recipe's runs. An error means that
	// this cannot be found out now, which is no reason to refuse. May be nil.
	CannotDispatch func(ctx context.Context, e recipes.Enrolment) (admission.Obstacle, error)
	// CannotFetch says why runs of private repositories are refused; empty if they are not.
	CannotFetch admission.Obstacle

	PerPerson int // how many runs one person may ask for in an hour; 0 for any number
	PublicURL string
	Grammar   command.Grammar

	Now func() time.Time
	Log *slog.Logger
}

// Answerer answers comments in Run, and programs in Ask. Make one with New.
type Answerer struct {
	Config
	found map[string]chan struct{} // by forge: it may have open comments
	ready chan struct{}            // closed when the journal's runs are known
}

// New makes an Answerer. It asks nobody anything until Run.
func New(c Config) *Answerer {
	a := &Answerer{Config: c, found: map[string]chan struct{}{}, ready: make(chan struct{})}
	for id := range c.Forges {
		a.found[id] = make(chan struct{}, 1)
	}
	return a
}

// Found says that a forge may have open comments.
func (a *Answerer) Found(forgeID string) {
	select {
	case a.found[forgeID] <- struct{}{}:
	default:
	}
}

// Run answers open comments until the context ends, and opens Ask. It is called once,
// after the queue was restored from the journal.
func (a *Answerer) Run(ctx context.Context) error {
	close(a.ready)
	var g errgroup.Group
	for id, found := range a.found {
		g.Go(func() error { return a.answerComments(ctx, found, func(of string) bool { return of == id }) })
	}
	// Comments of a forge that is no longer configured stay open, in case it comes back.
	g.Go(func() error {
		return a.answerComments(ctx, nil, func(of string) bool { return a.found[of] == nil })
	})
	return g.Wait()
}
