package main

import (
	"log/slog"
	"path/filepath"
	"time"

	"seatrial/bridge/announce"
	"seatrial/bridge/front"
	"seatrial/bridge/hook"
	"seatrial/bridge/schedule"
	"seatrial/bridge/token"
	"seatrial/recipes"
)

// tokensFile of the state folder has the tokens that the operator gave out, hashed.
const tokensFile = "tokens.json"

// waysOptions are about runs that no comment asks for.
type waysOptions struct {
	Schedule string `help:"When the default branch of each recipe is tested again, unless its enrolment says otherwise: nightly, weekly, off, or a cron expression in the local time zone. Nightly and weekly choose a time between 1 and 5 by the recipe's name." default:"off" placeholder:"WHEN"`
}

func (o waysOptions) check() error {
	return exitWith(exitUsage, recipes.ScheduleProblem(o.Schedule))
}

// tokens are those that the operator gave out, as they are now.
func (g Globals) tokens() *token.Book { return token.Open(filepath.Join(g.State, tokensFile)) }

// newFront lets programs ask for runs.
func newFront(g Globals, o hookOptions, sv *server, all []hook.Forge, log *slog.Logger) (*front.Front, error) {
	proxies, err := o.proxies()
	if err != nil {
		return nil, err
	}
	f, err := front.New(front.Config{
		Bridge: sv.bridge, Tokens: g.tokens(), Runs: sv.journal, Forges: all, PublicURL: sv.public, TrustedProxies: proxies, Now: time.Now, Log: log,
	})
	return f, exitWith(exitConfiguration, err)
}

// newScheduler has recipes tested again at their times.
func newScheduler(o waysOptions, sv *server, word string, log *slog.Logger) (*schedule.Scheduler, error) {
	s, err := schedule.New(schedule.Config{
		Bridge: sv.bridge, Runs: sv.journal, Memory: sv.journal, Default: o.Schedule,
		Enrolments: func() []recipes.Enrolment { return sv.enrolments.Book().Enrolments },
		Context:    announce.Context{PublicURL: sv.public, Word: word, Mask: sv.mask}, Now: time.Now, Log: log,
	})
	return s, exitWith(exitConfiguration, err)
}
