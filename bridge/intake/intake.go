// Package intake turns what happens on forges into comments that were seen: every
// new one, once, across restarts.
//
// Two feeds lead to the same ledger. One question about the whole organisation,
// every half minute, is quick; a slow sweep of each enrolled repository misses
// nothing. Where a forge has no such question, each repository is asked in turn, often
// while something happens there and ever more seldom while nothing does. Each scope has
// a cursor of its own on disk, which moves only after everything before it was recorded.
// A forge that asks us to wait is left alone as a whole, and a part of what it lets us
// ask is never touched, since reporting needs it. The package decides one thing: whether a comment is a
// command that may still be decided about (open) or never will be (ignored). It
// answers nobody, and a forge that fails stops nothing but its own feed. A comment that
// bears a time from before what was read already, because the forge's clock was wrong
// while nobody listened here, is not found: there is no question to a forge that asks for it.
package intake

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/errgroup"

	"seatrial/bridge/command"
	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
)

// Feed yields comments. Those that it yields again are dropped.
type Feed interface {
	CommentsAfter(ctx context.Context, scope forge.Scope, cursor forge.Cursor) ([]forge.Comment, forge.Cursor, error)
}

// Branches tells what a repository's default branch holds.
type Branches interface {
	DefaultBranch(ctx context.Context, repo forge.Repo) (name string, trees []forge.Tree, err error)
}

// Memory is what is asked of the ledger.
type Memory interface {
	ledger.Feeds
	See(ctx context.Context, c forge.Comment, s ledger.State) (isNew bool, err error)
	AddTrees(ctx context.Context, repo forge.Repo, trees []forge.Tree) error
}

// Source is one forge to listen to.
type Source struct {
	Forge    string
	Org      string // asked about as a whole; empty where the forge has no such question
	Feed     Feed
	Branches Branches
	// Bot is who we are there; the zero value while that is not known.
	Bot func() forge.Person
	// Skew is how far the forge's clock is ahead of ours. May be nil.
	Skew func() time.Duration
	// Budget is what the forge lets us ask, as of its last answer. May be nil.
	Budget func() forge.Budget
	// PerSecond is how many questions are begun in a second at most; 0 is
	// DefaultPerSecond where there is no question about the whole, else no limit.
	PerSecond float64
}

// The default pace.
const (
	DefaultInterval   = 30 * time.Second
	DefaultSweepEvery = 10 * time.Minute
)

// Config is what a Poller needs.
type Config struct {
	Sources  []Source
	Enrolled func() []forge.Repo // of all forges; asked anew each time
	Memory   Memory
	Grammar  command.Grammar
	Found    func(forgeID string) // called after new open comments were recorded
	// Seen is told of each new open comment how long ago, by the forge's clock, it was
	// made. May be nil.
	Seen func(forgeID string, age time.Duration)
	// Busy says whether something is under way for a repository, so that it is looked at
	// often. May be nil.
	Busy func(ctx context.Context, repo forge.Repo) bool

	Interval   time.Duration // of the organisation-wide question, and of active repositories without one: an upper bound
	SweepEvery time.Duration // each repository, spread over it
	Now        func() time.Time
	Log        *slog.Logger
}

// Poller listens by asking again and again.
type Poller struct {
	Config
	nudges   map[string]chan struct{}
	failures map[string]*failureCounts // by forge
	since    sync.Map                  // by enrolledScope, since when that repository is enrolled; for both loops of each forge
	paces    map[string]*pace
	turns    scopeTurns
	newest   newestComments
	recent   *lru.Cache[commentKey, struct{}] // were recorded: a list brings them again and again
}

type commentKey struct {
	forge string
	id    int64
}

// recentComments is more than a list brings again of busy repositories.
const recentComments = 1024

// New makes a poller.
func New(c Config) *Poller {
	c.Interval = cmp.Or(max(c.Interval, 0), DefaultInterval)
	c.SweepEvery = cmp.Or(max(c.SweepEvery, 0), DefaultSweepEvery)
	if c.Now == nil {
		c.Now = time.Now
	}
	p := &Poller{Config: c, nudges: map[string]chan struct{}{}, failures: map[string]*failureCounts{}, paces: map[string]*pace{}}
	p.recent, _ = lru.New[commentKey, struct{}](recentComments) // fails for sizes below 1 only
	for _, s := range c.Sources {
		p.nudges[s.Forge] = make(chan struct{}, 1)
		p.failures[s.Forge] = &failureCounts{counts: map[string]int{}}
		p.paces[s.Forge] = newPace(s, c.Now, c.Log)
	}
	return p
}

// Run listens until the context ends.
func (p *Poller) Run(ctx context.Context) error {
	var g errgroup.Group
	for _, s := range p.Sources {
		if s.Org != "" {
			g.Go(func() error { return p.pollOrganisation(ctx, s) })
		}
		g.Go(func() error { return p.pollRepositories(ctx, s) })
	}
	return g.Wait()
}

// Look asks a forge now instead of later.
func (p *Poller) Look(forgeID string) {
	select {
	case p.nudges[forgeID] <- struct{}{}:
	default:
	}
}

// enrolled lists the repositories of one forge.
func (p *Poller) enrolled(s Source) []forge.Repo {
	all := p.Enrolled()
	repos := make([]forge.Repo, 0, len(all))
	for _, r := range all {
		if r.Forge == s.Forge {
			repos = append(repos, r)
		}
	}
	return repos
}

// read asks one scope what is new, records it, and only then moves the cursor.
func (p *Poller) read(ctx context.Context, s Source, scope forge.Scope) error {
	pace := p.paces[s.Forge]
	if err := pace.wait(ctx); err != nil {
		return err
	}
	giveBack, err := p.turns.take(ctx, scope.Name())
	if err != nil {
		return err
	}
	defer giveBack()
	cursor, err := p.Memory.Cursor(ctx, scope.Name())
	if err != nil {
		return err
	}
	comments, next, err := s.Feed.CommentsAfter(ctx, scope, cursor)
	pace.heard(err)
	if err != nil {
		return err
	}
	repos := []forge.Repo{scope.Repo}
	if scope.Org != "" {
		repos = p.enrolled(s)
	}
	since, err := p.enrolments(ctx, s, repos)
	if err != nil {
		return err
	}
	happened, err := p.record(ctx, s, comments, since)
	if err != nil {
		return err
	}
	if next != cursor {
		if err := p.Memory.SetCursor(ctx, scope.Name(), next); err != nil {
			return err
		}
	}
	pace.read(scope, happened)
	return nil
}

// record writes down the comments that were not seen before, commands first: their authors
// wait for a sign of life, and each that is written takes the disk its time.
func (p *Poller) record(ctx context.Context, s Source, comments []forge.Comment, since map[string]time.Time) (happened bool, err error) {
	var rest []forge.Comment
	see := func(c forge.Comment, state ledger.State) (isNew bool, err error) {
		if isNew, err = p.Memory.See(ctx, c, state); err == nil {
			p.newest.saw(c)
			p.recent.Add(commentKey{c.Repo.Forge, c.ID}, struct{}{})
		}
		happened = happened || isNew
		return isNew, err
	}
	for _, c := range comments {
		if p.recent.Contains(commentKey{c.Repo.Forge, c.ID}) {
			continue
		}
		if p.judge(s, c, since) != ledger.Open {
			rest = append(rest, c)
			continue
		}
		isNew, err := see(c, ledger.Open)
		if err != nil {
			return happened, err
		}
		if !isNew {
			continue
		}
		if p.Seen != nil {
			p.Seen(s.Forge, max(0, p.forgeTime(s).Sub(c.Created)))
		}
		if p.Found != nil {
			p.Found(s.Forge)
		}
	}
	for _, c := range rest {
		if _, err := see(c, ledger.Ignored); err != nil {
			return happened, err
		}
	}
	return happened, nil
}

// judge says whether a comment may be decided about. What was something else when
// it was first seen, or was edited before, never becomes a command.
func (p *Poller) judge(s Source, c forge.Comment, since map[string]time.Time) ledger.State {
	_, isCommand := p.Grammar.Parse(c.Body)
	enrolledAt := since[strings.ToLower(c.Repo.String())]
	switch {
	case !isCommand, c.Edited(), c.Created.Before(enrolledAt):
		return ledger.Ignored
	case s.Bot != nil && s.Bot().ID != 0 && c.Author.ID == s.Bot().ID:
		return ledger.Ignored
	}
	return ledger.Open
}
