package badge

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// DefaultBranch finds the run that a recipe's plain badge speaks of: of those whose git
// tree is on the repository's default branch the one nearest to its tip, and of those the
// one that ended last. behind is by how many commits it is not the tip's; -1 for very many.
type DefaultBranch interface {
	DefaultBranchReport(ctx context.Context, forge, repo string) (r run.Report, behind int, ok bool, err error)
}

// Runs finds runs.
type Runs interface {
	Report(ctx context.Context, id run.ID) (run.Report, error)
	Reports(ctx context.Context, filter journal.Filter) ([]run.Report, error)
}

// Config is what badges are made from. All fields are needed.
type Config struct {
	Default DefaultBranch
	Runs    Runs
	// Repo is the repository of an enrolled recipe.
	Repo func(recipe string) (forge, repo string, ok bool)
	Now  func() time.Time
	Log  *slog.Logger
}

const (
	// maxAge bounds how long a picture is kept: the default branch moves without an
	// event in the journal.
	maxAge = 15 * time.Second
	// maxKept bounds how many are kept: a stranger may ask for any pull request's.
	maxKept = 4096
	// maxNames bounds the memory of which recipe a run belongs to.
	maxNames = 1024
	// lookLimit bounds one look into the journal.
	lookLimit = 5 * time.Second
)

type key struct {
	recipe string
	pull   int
}

// Service answers for badges. While it is told of every entry of the journal, it
// keeps pictures ready, so that most requests touch no database.
type Service struct {
	Config
	kept      *lru.Cache[key, *picture]
	recipes   *lru.Cache[run.ID, string]
	following atomic.Bool
	looks     singleflight.Group

	mu      sync.Mutex
	changes int64
}

// New makes a service that keeps nothing until Following(true).
func New(c Config) *Service {
	kept, err := lru.New[key, *picture](maxKept)
	recipes, err2 := lru.New[run.ID, string](maxNames)
	if err = errors.Join(err, err2); err != nil {
		panic(err) // only for a size below 1
	}
	return &Service{Config: c, kept: kept, recipes: recipes}
}

// Following says whether Changed will be called for every entry from now on. What
// was kept before is forgotten either way.
func (s *Service) Following(yes bool) {
	s.forget(func(key) bool { return true })
	s.following.Store(yes)
}

// Changed takes note of an entry: what was drawn of its recipe is forgotten.
func (s *Service) Changed(ctx context.Context, e journal.Entry) {
	recipe, ok := s.recipes.Get(e.Event.Run)
	if !ok {
		recipe = s.recipeOf(ctx, e.Event)
		if recipe != "" {
			s.recipes.Add(e.Event.Run, recipe)
		}
	}
	s.forget(func(k key) bool { return recipe == "" || k.recipe == recipe })
}

// recipeOf is empty where it cannot be found out.
func (s *Service) recipeOf(ctx context.Context, e run.Event) string {
	if e.Kind == run.KindRequested {
		var request run.Request
		if err := e.Into(&request); err == nil {
			return request.Recipe
		}
	}
	report, err := s.Runs.Report(ctx, e.Run)
	if err != nil {
		return ""
	}
	return report.Request.Recipe
}

func (s *Service) forget(which func(key) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	for _, k := range s.kept.Keys() {
		if which(k) {
			s.kept.Remove(k)
		}
	}
}

// Badge says what the plain badge of a recipe says, or that of one of its pull
// requests.
func (s *Service) Badge(ctx context.Context, recipe string, pull int) Badge {
	return s.picture(ctx, key{recipe, pull}).badge
}

func (s *Service) picture(ctx context.Context, k key) *picture {
	if p, ok := s.kept.Get(k); ok && s.Now().Sub(p.at) < maxAge {
		return p
	}
	found, _, _ := s.looks.Do(k.String(), func() (any, error) {
		// Others wait for this look: it does not end with the one who asked first.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookLimit)
		defer cancel()
		return s.look(ctx, k), nil
	})
	return found.(*picture)
}

// look draws a picture anew, and keeps it unless something changed meanwhile.
func (s *Service) look(ctx context.Context, k key) *picture {
	s.mu.Lock()
	before := s.changes
	s.mu.Unlock()

	b, known, err := s.find(ctx, k)
	if err != nil {
		s.Log.Warn("cannot find out what a badge says", "recipe", k.recipe, "pr", k.pull, "err", err)
		return draw(unavailable, s.Now())
	}
	p := draw(b, s.Now())
	s.mu.Lock()
	defer s.mu.Unlock()
	if known && s.following.Load() && before == s.changes {
		s.kept.Add(k, p)
	}
	return p
}

func (s *Service) find(ctx context.Context, k key) (b Badge, known bool, err error) {
	forge, repo, ok := s.Repo(k.recipe)
	if !ok {
		return unknownRecipe, false, nil
	}
	if k.pull == 0 {
		report, behind, ok, err := s.Default.DefaultBranchReport(ctx, forge, repo)
		if err != nil || !ok {
			return untested, true, err
		}
		return Of(report).old(behind, s.Now().Sub(report.EndedAt)), true, nil
	}
	reports, err := s.Runs.Reports(ctx, journal.Filter{Forge: forge, Repo: repo, Pull: k.pull, Limit: 1})
	if err != nil || len(reports) == 0 {
		return untested, true, err
	}
	return Of(reports[0]), true, nil
}
