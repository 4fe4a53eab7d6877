package bridge

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"seatrial/bridge/admission"
	"seatrial/bridge/announce"
	"seatrial/bridge/forge"
	"seatrial/bridge/intake"
	"seatrial/bridge/ledger"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// Forge is one forge to serve.
type Forge struct {
	ID     string
	Org    string // whose pull requests are served and whose members may ask
	Client Client
	// OneByOne: the forge has no question about a whole organisation that costs nothing, so
	// each repository is asked in its turn.
	OneByOne bool
	// Permissions are what may be tested there at all, whatever enrolments say.
	Permissions admission.Permissions
}

// Pulls tells about pull requests.
type Pulls interface {
	PullRequest(ctx context.Context, repo forge.Repo, number int) (forge.PullRequest, error)
	Pushes(ctx context.Context, repo forge.Repo, number int, since time.Time) ([]forge.Push, error)
}

// Branches tells where branches are.
type Branches interface {
	Branch(ctx context.Context, repo forge.Repo, name string) (forge.Branch, error)
}

// Issues lets us keep an issue. What each promises stands with the adapters.
type Issues interface {
	CreateIssue(ctx context.Context, repo forge.Repo, title, body string) (int, error)
	EditIssue(ctx context.Context, repo forge.Repo, number int, title, body string, open bool) error
	FindIssue(ctx context.Context, repo forge.Repo, marker string, author forge.Person) (forge.Issue, bool, error)
}

// Account is us on a forge.
type Account interface {
	Self(ctx context.Context) (forge.Person, error)
	React(ctx context.Context, repo forge.Repo, comment int64, reaction string) error
}

// Client is all that the bridge's parts ask of a forge. An adapter has it; each
// part sees its own piece.
type Client interface {
	intake.Feed
	intake.Branches
	admission.Members
	announce.Comments
	announce.Statuses
	Pulls
	Branches
	Issues
	Account
}

// place is a forge and what was learnt about it.
type place struct {
	Forge
	mu  sync.Mutex
	bot forge.Person
}

// self asks who we are there, once.
func (p *place) self(ctx context.Context) (forge.Person, error) {
	if bot := p.known(); bot.ID != 0 {
		return bot, nil
	}
	bot, err := p.Client.Self(ctx)
	if err != nil {
		return forge.Person{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bot = bot
	return bot, nil
}

// introduce finds out who we are on every forge, so that it is known before the
// first comment. Where that takes long, nobody waits for it, and nobody is told:
// a forge that does not answer is complained of by whoever asks for comments.
func (b *Bridge) introduce(ctx context.Context) error {
	for _, p := range b.forges {
		b.runs.Go(func() {
			again(ctx, slog.New(slog.DiscardHandler), "find out who we are", longestRetry, func() error {
				_, err := p.self(ctx)
				return err
			})
		})
	}
	return nil
}

func (p *place) known() forge.Person {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bot
}

func (p *place) source() intake.Source {
	s := intake.Source{Forge: p.ID, Org: p.Org, Feed: p.Client, Branches: p.Client, Bot: p.known}
	if p.OneByOne {
		s.Org = ""
	}
	if clock, ok := p.Client.(interface{ Skew() time.Duration }); ok {
		s.Skew = clock.Skew
	}
	if limited, ok := p.Client.(interface{ Budget() forge.Budget }); ok {
		s.Budget = limited.Budget
	}
	return s
}

func (b *Bridge) voice(forgeID string) (announce.Voice, bool) {
	p := b.forges[forgeID]
	if p == nil {
		return announce.Voice{}, false
	}
	return announce.Voice{Comments: p.Client, Statuses: p.Client, Self: p.self}, true
}

// RepoOf is the repository of an enrolment; ok is false where its forge is not served.
func (b *Bridge) RepoOf(e recipes.Enrolment) (repo forge.Repo, ok bool) { return b.repoOf(e) }

// IssuesOf lets issues be kept on a forge, and says as whom.
func (b *Bridge) IssuesOf(forgeID string) (issues Issues, self func(context.Context) (forge.Person, error), ok bool) {
	p := b.forges[forgeID]
	if p == nil {
		return nil, nil, false
	}
	return p.Client, p.self, true
}

// repoOf is the repository that an enrolment permits. An enrolment that names no
// forge means the first one.
func (b *Bridge) repoOf(e recipes.Enrolment) (forge.Repo, bool) {
	id := e.Forge
	if id == "" && len(b.Forges) > 0 {
		id = b.Forges[0].ID
	}
	repo, err := forge.ParseRepo(id, e.Repo)
	return repo, err == nil && b.forges[id] != nil
}

func (b *Bridge) enrolmentOf(repo forge.Repo) *recipes.Enrolment {
	for _, e := range b.Enrolments() {
		if r, ok := b.repoOf(e); ok && r.Forge == repo.Forge && strings.EqualFold(r.String(), repo.String()) {
			return &e
		}
	}
	return nil
}

// enrolment is that of a recipe, as it is now.
func (b *Bridge) enrolment(recipe string) (recipes.Enrolment, bool) {
	all := b.Enrolments()
	i := slices.IndexFunc(all, func(e recipes.Enrolment) bool { return e.Name == recipe })
	if i < 0 {
		return recipes.Enrolment{}, false
	}
	return all[i], true
}

// context is what the comment of a run says besides its report.
func (b *Bridge) context(ctx context.Context, r run.Report) announce.Context {
	c := announce.Context{PublicURL: b.PublicURL, Word: b.Grammar.Word(), Mask: b.Mask}
	if b.EnrolmentPath != nil {
		c.Enrolment = b.EnrolmentPath(r.Request.Recipe)
	}
	if r.State == run.Ended && b.Baselines != nil {
		base, ok, err := b.Baselines.DefaultBranchReport(ctx, r.Request.Code.Forge, r.Request.Code.Repo)
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

func (b *Bridge) about(repo forge.Repo) admission.About {
	a := admission.About{Repo: repo.String(), Word: b.Grammar.Word()}
	if p := b.forges[repo.Forge]; p != nil {
		a.Org = p.Org
	}
	return a
}

// refusalWords are the words for a refused comment, the same after a restart.
func (b *Bridge) refusalWords(c ledger.Comment) announce.Refusal {
	refusal, about := admission.ParseRefusal(c.Refusal), b.about(c.Repo)
	if refusal.Reason == admission.MembershipUnknown {
		sentence, next := about.GaveUp()
		return announce.Refusal{Sentence: sentence, Next: next}
	}
	return announce.Refusal{Sentence: refusal.Sentence(about), Next: refusal.Next(about)}
}
