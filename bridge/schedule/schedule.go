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
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
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
	// look is how often it is looked whether a time has come, or a run has ended.
	look = time.Minute
	// recent is how many runs of a recipe are looked through for the one before.
	recent = 200
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
	asked  map[string]bool // recipes of whose runs something may have to be told
	failed map[string]string
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
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Scheduler{Config: c, asked: map[string]bool{}, failed: map[string]string{}}, nil
}

// Run looks after the schedules until the context ends.
func (s *Scheduler) Run(ctx context.Context) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for _, e := range s.Enrolments() {
		s.asked[e.Name] = true // an earlier process may have asked
	}
	for {
		for _, e := range s.Enrolments() {
			s.attend(ctx, e)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// attend does what is due about one recipe, and says what it could not do, once.
func (s *Scheduler) attend(ctx context.Context, e recipes.Enrolment) {
	err := errors.Join(s.tell(ctx, e), s.ask(ctx, e))
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		delete(s.failed, e.Name)
		return
	}
	if text := err.Error(); s.failed[e.Name] != text {
		s.failed[e.Name] = text
		s.Log.Warn("cannot do what a recipe's schedule asks for yet; will try again", "recipe", e.Name, "err", err)
	}
}

// ask asks for a run if its time has come.
func (s *Scheduler) ask(ctx context.Context, e recipes.Enrolment) error {
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
	open, err := s.Runs.Reports(ctx, journal.Filter{Recipe: e.Name, Open: true, Limit: recent})
	if err != nil {
		return fmt.Errorf("cannot read the open runs of %s: %w", e.Name, err)
	}
	for _, r := range open {
		if r.Request.Via == run.ViaSchedule {
			s.Log.Info("a recipe is not tested again, because the time before is not over", "recipe", e.Name, "run", r.Request.ID)
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
	s.asked[e.Name] = true
	return s.remember(ctx, e, at)
}

// due says which planned time has come and was not attended to. A schedule that is new
// begins now: it has missed nothing.
func (s *Scheduler) due(ctx context.Context, e recipes.Enrolment, plan cron.Schedule) (at time.Time, ok bool, err error) {
	known, err := s.Memory.Cursor(ctx, planScope(e))
	if err != nil {
		return at, false, err
	}
	stamp, schedule, _ := strings.Cut(string(known), " ")
	last, err := time.Parse(time.RFC3339, stamp)
	if err != nil || schedule != s.scheduleOf(e) {
		return at, false, s.remember(ctx, e, s.Now())
	}
	at, ok = latest(plan, last, s.Now())
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
func planScope(e recipes.Enrolment) string { return "schedule:" + e.Name }
func toldScope(e recipes.Enrolment) string { return "schedule-told:" + e.Name }
