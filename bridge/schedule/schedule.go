// Package schedule has each recipe's default branch tested again, at times that its
// enrolment names, and keeps one issue about it in the recipe's repository.
//
// A time that passed while nobody was there is made up once, however many there were. A
// recipe has one such run at a time. The issue is touched when a result differs from the
// one before, and never because of a run that says nothing about the recipe. All that has
// to be remembered lies in the ledger: a restart asks for nothing twice, and opens no
// second issue.
package schedule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"seatrial/bridge"
	"seatrial/bridge/announce"
	"seatrial/bridge/answer"
	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/recipes"
)

const (
	// lookEvery is how often it is looked whether a time has come, or a run has ended.
	lookEvery = time.Minute
	// recentRuns is how many runs of a recipe are looked through for the one before.
	recentRuns = 200
)

// Bridge starts runs, and lets issues be kept.
type Bridge interface {
	Ask(ctx context.Context, a answer.Ask) (answer.Answer, error)
	RepoOf(e recipes.Enrolment) (forge.Repo, bool)
	IssuesOf(forgeID string) (issues bridge.Issues, self func(context.Context) (forge.Person, error), ok bool)
}

// Runs knows runs.
type Runs interface {
	Reports(ctx context.Context, filter journal.Filter) ([]run.Report, error)
}

// Config is what a Scheduler needs. The first four are; the rest may be left out.
type Config struct {
	Bridge     Bridge
	Runs       Runs
	Memory     ledger.Feeds
	Enrolments func() []recipes.Enrolment // asked anew each time

	// Default is the schedule of recipes whose enrolment names none; empty: off.
	Default  string
	Night    Night          // default DefaultNight
	Location *time.Location // in which nights are; default time.Local

	// Context is what the issue's text links to.
	Context announce.Context

	Now func() time.Time
	Log *slog.Logger
}

// Scheduler is made by New and lives in Run.
type Scheduler struct {
	Config
	forges map[string]*recipesOf // by ID
}

// recipesOf is what is known about one forge's recipes. One goroutine at a time attends to
// a forge, so that a forge never waits for another.
type recipesOf struct {
	attending chan struct{}     // full while one does
	unsettled map[string]bool   // recipes with runs whose result may not be reported yet
	failed    map[string]string // by recipe: what was logged
}

// New makes a scheduler.
func New(c Config) (*Scheduler, error) {
	if c.Bridge == nil || c.Runs == nil || c.Memory == nil || c.Enrolments == nil {
		return nil, errors.New("cannot test recipes again: nobody is there to be asked")
	}
	if c.Night == (Night{}) {
		c.Night = DefaultNight
	}
	if err := c.Night.Check(); err != nil {
		return nil, err
	}
	if err := recipes.ScheduleProblem(c.Default); err != nil {
		return nil, err
	}
	if c.Location == nil {
		c.Location = time.Local
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return &Scheduler{Config: c, forges: map[string]*recipesOf{}}, nil
}

// Run looks after the schedules until the context ends.
func (s *Scheduler) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var work sync.WaitGroup
	defer work.Wait()
	for {
		for id, all := range s.byForge() {
			known := s.forges[id]
			if known == nil {
				known = newRecipesOf(all)
				s.forges[id] = known
			}
			select {
			case known.attending <- struct{}{}:
				work.Go(func() {
					defer func() { <-known.attending }()
					for _, e := range all {
						s.attend(ctx, known, e)
					}
				})
			default: // still busy with the look before; the next one finds what is due
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (s *Scheduler) byForge() map[string][]recipes.Enrolment {
	all := map[string][]recipes.Enrolment{}
	for _, e := range s.Enrolments() {
		if repo, ok := s.Bridge.RepoOf(e); ok {
			all[repo.Forge] = append(all[repo.Forge], e)
		}
	}
	return all
}

func newRecipesOf(all []recipes.Enrolment) *recipesOf {
	known := &recipesOf{attending: make(chan struct{}, 1), unsettled: map[string]bool{}, failed: map[string]string{}}
	for _, e := range all {
		known.unsettled[e.Name] = true // an earlier process may have asked
	}
	return known
}

// attend does what is due about one recipe, and says what it could not do, once.
func (s *Scheduler) attend(ctx context.Context, known *recipesOf, e recipes.Enrolment) {
	err := errors.Join(s.report(ctx, known, e), s.ask(ctx, known, e))
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		delete(known.failed, e.Name)
		return
	}
	if text := err.Error(); known.failed[e.Name] != text {
		known.failed[e.Name] = text
		s.Log.Warn("cannot do what a recipe's schedule asks for yet; will try again", "recipe", e.Name, "err", err)
	}
}

// ask asks for a run if its time has come.
func (s *Scheduler) ask(ctx context.Context, known *recipesOf, e recipes.Enrolment) error {
	plan, err := planOf(e.Name, e.Schedule, s.Default, s.Night, s.Location)
	if err != nil || plan == nil {
		return err
	}
	repo, ok := s.Bridge.RepoOf(e)
	if !ok {
		return nil
	}
	at, due, err := s.due(ctx, e, plan)
	if err != nil || !due {
		return err
	}
	open, err := s.Runs.Reports(ctx, journal.Filter{Recipe: e.Name, Open: true, Limit: recentRuns})
	if err != nil {
		return fmt.Errorf("cannot read the open runs of %s: %w", e.Name, err)
	}
	for _, r := range open {
		if r.Request.Via == run.ViaSchedule {
			s.Log.Info("a recipe is not tested again, because its previous run is not over", "recipe", e.Name, "run", r.Request.ID)
			return s.remember(ctx, e, at)
		}
	}
	answered, err := s.Bridge.Ask(ctx, answer.Ask{
		Key:  fmt.Sprintf("schedule:%s:%s", e.Name, at.UTC().Format(time.RFC3339)),
		Repo: repo, By: run.Person{Login: "schedule"}, Vouched: true, Via: run.ViaSchedule, Secrets: true,
	})
	switch {
	case errors.Is(err, answer.ErrNotReady):
		return nil
	case err != nil:
		return fmt.Errorf("cannot ask for a run of %s: %w", e.Name, err)
	case answered.Refusal != nil:
		s.Log.Warn("a recipe cannot be tested again", "recipe", e.Name, "why", answered.Refusal.Sentence, "next", answered.Refusal.Next)
	}
	known.unsettled[e.Name] = true
	return s.remember(ctx, e, at)
}

// due says which planned time has come and was not attended to. A schedule that is new
// begins now: it has missed nothing.
func (s *Scheduler) due(ctx context.Context, e recipes.Enrolment, plan cron.Schedule) (at time.Time, ok bool, err error) {
	cursor, err := s.Memory.Cursor(ctx, planScope(e))
	if err != nil {
		return at, false, err
	}
	stamp, schedule, _ := strings.Cut(string(cursor), " ")
	last, err := time.Parse(time.RFC3339, stamp)
	if err != nil || schedule != s.scheduleOf(e) {
		return at, false, s.remember(ctx, e, s.Now())
	}
	at, ok = latestTime(plan, last, s.Now())
	return at, ok, nil
}

func (s *Scheduler) remember(ctx context.Context, e recipes.Enrolment, at time.Time) error {
	return s.Memory.SetCursor(ctx, planScope(e), forge.Cursor(at.UTC().Format(time.RFC3339)+" "+s.scheduleOf(e)))
}

func (s *Scheduler) scheduleOf(e recipes.Enrolment) string {
	if e.Schedule != "" {
		return e.Schedule
	}
	return s.Default
}

// The names under which the ledger keeps what was attended to.
func planScope(e recipes.Enrolment) string      { return "schedule:" + e.Name }
func announcedScope(e recipes.Enrolment) string { return "schedule-told:" + e.Name }
