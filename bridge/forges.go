package bridge

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"seatrial/bridge/admission"
	"seatrial/bridge/announce"
	"seatrial/bridge/answer"
	"seatrial/bridge/attempt"
	"seatrial/bridge/forge"
	"seatrial/bridge/intake"
	"seatrial/bridge/retry"
	"seatrial/harness/run"
)

// Forge is one forge to serve.
type Forge struct {
	ID     string
	Org    string // whose pull requests are served and whose members may ask
	Client Client
	// OneByOne: the forge has no cheap question about a whole organisation, so each repository
	// is polled in turn.
	OneByOne bool
	// Permissions are what may be tested there at all, whatever enrolments say.
	Permissions admission.Permissions
}

// Issues lets us keep an issue. The adapters document each method.
type Issues interface {
	CreateIssue(ctx context.Context, repo forge.Repo, title, body string) (int, error)
	EditIssue(ctx context.Context, repo forge.Repo, number int, title, body string, open bool) error
	FindIssue(ctx context.Context, repo forge.Repo, marker string, author forge.Person) (forge.Issue, bool, error)
}

// Client is everything that the bridge's parts ask of a forge; each part sees its own
// piece. A client that is also an attempt.Copier can serve private repositories.
type Client interface {
	intake.Feed
	intake.Branches
	answer.Client
	announce.Comments
	announce.Statuses
	Issues
	Self(ctx context.Context) (forge.Person, error)
}

// account is who we are on a forge.
type account struct {
	Forge
	mu  sync.Mutex
	bot forge.Person
}

// self asks the forge who we are, until it has answered once.
func (a *account) self(ctx context.Context) (forge.Person, error) {
	if bot := a.known(); bot.ID != 0 {
		return bot, nil
	}
	bot, err := a.Client.Self(ctx)
	if err != nil {
		return forge.Person{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bot = bot
	return bot, nil
}

func (a *account) known() forge.Person {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.bot
}

const (
	// longestRetry is the longest pause between tries to do what nobody else does.
	longestRetry = 30 * time.Second
	// selfLimit is for finding out who we are.
	selfLimit = time.Minute
)

// introduce finds out who we are, so that it is known before the first comment. Nothing
// waits for it, and it logs nothing: the poller already reports a forge that does not answer.
func (a *account) introduce(ctx context.Context, now func() time.Time) error {
	retry.Loop{Longest: longestRetry, Now: now, Log: slog.New(slog.DiscardHandler)}.Until(ctx, "find out who we are", func() error {
		ctx, cancel := context.WithTimeout(ctx, selfLimit)
		defer cancel()
		_, err := a.self(ctx)
		return err
	})
	return nil
}

func (a *account) source() intake.Source {
	s := intake.Source{Forge: a.ID, Org: a.Org, Feed: a.Client, Branches: a.Client, Bot: a.known}
	if a.OneByOne {
		s.Org = ""
	}
	if clock, ok := a.Client.(interface{ Skew() time.Duration }); ok {
		s.Skew = clock.Skew
	}
	if limited, ok := a.Client.(interface{ Budget() forge.Budget }); ok {
		s.Budget = limited.Budget
	}
	return s
}

func (b *Bridge) voice(forgeID string) (announce.Voice, bool) {
	a := b.forges[forgeID]
	if a == nil {
		return announce.Voice{}, false
	}
	return announce.Voice{Comments: a.Client, Statuses: a.Client, Self: a.self}, true
}

// IssuesOf returns what keeps issues on a forge, and who we are there.
func (b *Bridge) IssuesOf(forgeID string) (issues Issues, self func(context.Context) (forge.Person, error), ok bool) {
	a := b.forges[forgeID]
	if a == nil {
		return nil, nil, false
	}
	return a.Client, a.self, true
}

func (b *Bridge) copier(forgeID string) (attempt.Copier, bool) {
	a := b.forges[forgeID]
	if a == nil {
		return nil, false
	}
	copier, _ := a.Client.(attempt.Copier)
	return copier, true
}

// context is what a run's comment says besides its report.
func (b *Bridge) context(ctx context.Context, r run.Report) announce.Context {
	c := announce.Context{PublicURL: b.PublicURL, Word: b.Grammar.Word(), Mask: b.Mask}
	if b.EnrolmentPath != nil {
		c.Enrolment = b.EnrolmentPath(r.Request.Recipe)
	}
	if r.State == run.Ended && b.Baselines != nil {
		base, _, ok, err := b.Baselines.DefaultBranchReport(ctx, r.Request.Code.Forge, r.Request.Code.Repo)
		switch {
		case err != nil: // the comment is worth more than the comparison
			b.Log.Warn("cannot compare with the default branch", "run", r.Request.ID, "err", err)
		case ok:
			c.Base = &base
		}
	}
	if r.State == run.Waiting {
		if place, of, wait, ok := b.Queue.Position(r.Request.ID); ok {
			c.Place, c.Of, c.Wait = place, of, wait
			c.Fetching = b.Queue.Preparing(r.Request.ID)
		}
	}
	return c
}
