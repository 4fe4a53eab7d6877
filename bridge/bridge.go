// Package bridge joins the parts that lead from a comment to a verdict: package intake
// listens to forges, answer decides and starts runs, attempt has them performed
// elsewhere, and announce keeps the pull request informed.
//
// Everything that matters lies in the journal and the ledger, and everything that
// is done next is worked out from them: a bridge that is killed at any moment and
// started again does what was left to do, and nothing twice. The executor, not the
// bridge, is the truth about what is running: stopping the bridge stops no run. A forge
// that does not answer delays no other's work. One bridge at a time works on a ledger. It
// holds no test logic and never touches a recipe's code.
package bridge

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"seatrial/bridge/admission"
	"seatrial/bridge/announce"
	"seatrial/bridge/answer"
	"seatrial/bridge/attempt"
	"seatrial/bridge/forge"
	"seatrial/bridge/intake"
	"seatrial/bridge/ledger"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// maxOpen is more runs than are ever open at once.
const maxOpen = 10_000

// Bridge is joined by New and lives in Run.
type Bridge struct {
	Config
	forges    map[string]*account
	enrolled  answer.Enrolled
	poller    *intake.Poller
	answerer  *answer.Answerer
	attempts  *attempt.Runs
	announcer *announce.Announcer
	routes    routeTable
	metrics   *metrics

	// comparing lets one at a time compare runs with their pull request, so that a push or a
	// close is recorded once.
	comparing sync.Mutex
}

// New joins a bridge. It touches nothing until Run.
func New(c Config) (*Bridge, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Interval <= 0 {
		c.Interval = intake.DefaultInterval
	}
	b := &Bridge{Config: c, forges: map[string]*account{}, routes: routeTable{to: c.Routes, labels: map[run.ID]string{}}}
	b.enrolled.Enrolments = c.Enrolments
	var sources []intake.Source
	answered := map[string]answer.Forge{}
	for _, f := range c.Forges {
		if f.ID == "" || b.forges[f.ID] != nil {
			return nil, fmt.Errorf("cannot listen to forge %q: every forge needs an id of its own", f.ID)
		}
		account := &account{Forge: f}
		b.forges[f.ID] = account
		b.enrolled.Forges = append(b.enrolled.Forges, f.ID)
		sources = append(sources, account.source())
		answered[f.ID] = answer.Forge{Org: f.Org, Client: f.Client, Permissions: f.Permissions, Self: account.self, Known: account.known}
	}
	b.metrics = newMetrics(b)
	b.announcer = announce.New(announce.Config{
		Voice: b.voice, Reports: c.Journal, Memory: c.Ledger, Context: b.context, Every: c.AnnounceEvery, Now: c.Now, Log: c.Log,
		Refusal: func(c ledger.Comment) admission.Words { return b.answerer.RefusalWords(c) },
	})
	var deciding sync.Mutex
	b.answerer = answer.New(answer.Config{
		Forges: answered, Enrolled: b.enrolled, Journal: c.Journal, Ledger: c.Ledger, Queue: c.Queue, Announcer: b.announcer,
		Deciding: &deciding, Audit: b.audit, CannotIsolate: c.CannotIsolate, CannotDispatch: c.CannotDispatch, CannotFetch: c.CannotFetch,
		PerPerson: c.PerPerson, PublicURL: c.PublicURL, Grammar: c.Grammar, Now: c.Now, Log: c.Log,
	})
	b.attempts = attempt.New(attempt.Config{
		Journal: c.Journal, Queue: c.Queue, Dispatcher: c.Dispatcher, Preparer: c.Preparer, Enrolment: b.enrolled.Recipe,
		Copies: c.Copies, Copier: b.copier, Deciding: &deciding, Changed: b.announcer.Changed, Audit: b.audit, Now: c.Now, Log: c.Log,
	})
	b.poller = intake.New(intake.Config{
		Sources: sources, Enrolled: b.enrolled.Repos, Memory: c.Ledger, Grammar: c.Grammar,
		Found: b.answerer.Found, Seen: b.metrics.sawComment, Busy: b.busy, Interval: c.Interval, SweepEvery: c.SweepEvery, Now: c.Now, Log: c.Log,
	})
	return b, nil
}

// Run does the bridge's work until the context ends. Runs go on without it. An
// error means that the journal or the ledger could not be read at the start.
func (b *Bridge) Run(ctx context.Context) error {
	from, err := b.Journal.Last(ctx)
	if err != nil {
		return fmt.Errorf("cannot read the journal: %w", err)
	}
	ctx, end := context.WithCancel(ctx)
	defer b.attempts.Wait() // also after an error: nothing outlives Run
	defer end()
	open, err := b.attempts.Resume(ctx)
	if err != nil {
		return err
	}
	for _, r := range open {
		b.routes.set(r)
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, account := range b.forges {
		g.Go(func() error { return account.introduce(ctx, b.Now) })
		g.Go(func() error { return b.watchPulls(ctx, account) })
	}
	g.Go(func() error { return b.announcer.Run(ctx) })
	g.Go(func() error { return b.poller.Run(ctx) })
	g.Go(func() error { return b.answerer.Run(ctx) })
	g.Go(func() error { return b.attempts.Run(ctx) })
	g.Go(func() error { return b.listen(ctx, from) })
	return g.Wait()
}

// Look asks a forge for new comments now instead of later.
func (b *Bridge) Look(forgeID string) { b.poller.Look(forgeID) }

// Ask decides about a request for a run that comes without a comment. See answer.Answerer.
func (b *Bridge) Ask(ctx context.Context, q answer.Ask) (answer.Answer, error) {
	return b.answerer.Ask(ctx, q)
}

// Trusts says whether somebody is one whose comment could start a run.
func (b *Bridge) Trusts(ctx context.Context, repo forge.Repo, who forge.Person) bool {
	return b.answerer.Trusts(ctx, repo, who)
}

// Enrolled says whether there is an enrolment of a repository, however its name is
// spelt.
func (b *Bridge) Enrolled(repo forge.Repo) bool {
	e, _ := b.enrolled.Of(repo)
	return e != nil
}

// RepoOf is the repository of an enrolment; ok is false where its forge is not served.
func (b *Bridge) RepoOf(e recipes.Enrolment) (repo forge.Repo, ok bool) { return b.enrolled.RepoOf(e) }

// busy says whether a repository has an open run. If that cannot be read, the repository
// is treated as if it had one.
func (b *Bridge) busy(ctx context.Context, repo forge.Repo) bool {
	open, err := b.Journal.Reports(ctx, journal.Filter{Forge: repo.Forge, Repo: repo.String(), Open: true, Limit: 1})
	return err != nil || len(open) > 0
}

// audit records who decided what and why. The decision stands even if the record cannot be
// written; then the log has it.
func (b *Bridge) audit(ctx context.Context, e ledger.AuditEntry) {
	e.At = b.Now()
	b.Log.Info(e.What, "who", e.Who, "subject", e.Subject, "why", e.Why)
	if err := b.Ledger.Record(context.WithoutCancel(ctx), e); err != nil {
		b.Log.Error("cannot write the audit journal", "what", e.What, "subject", e.Subject, "err", err)
	}
}
