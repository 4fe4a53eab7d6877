package cli

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"seatrial/bridge/announce"
	"seatrial/bridge/front"
	"seatrial/bridge/hook"
	"seatrial/bridge/schedule"
	"seatrial/bridge/token"
	"seatrial/recipes"
)

// waysOptions are about runs that no comment asks for.
type waysOptions struct {
	Schedule string `help:"When the default branch of each recipe is tested again, unless its enrolment says otherwise: nightly, weekly, off, or a cron expression in the local time zone. Nightly and weekly choose a time of the night by the recipe's name." default:"off" placeholder:"WHEN"`
	Night    string `help:"Between which times of the day nightly and weekly runs begin, on this machine's clock." default:"01:00-05:00" placeholder:"FROM-TO"`
}

func (o waysOptions) check() error {
	if err := recipes.ScheduleProblem(o.Schedule); err != nil {
		return exitWith(exitUsage, fmt.Errorf("--schedule: %w", err))
	}
	_, err := o.night()
	return exitWith(exitUsage, err)
}

func (o waysOptions) night() (schedule.Night, error) {
	if o.Night == "" {
		return schedule.DefaultNight, nil
	}
	from, to, ok := strings.Cut(o.Night, "-")
	begins, err := time.Parse("15:04", from)
	ends, errTo := time.Parse("15:04", to)
	if !ok || err != nil || errTo != nil {
		return schedule.Night{}, fmt.Errorf("--night %q is not two times of a day: write it like 01:00-05:00", o.Night)
	}
	midnight := begins.Truncate(24 * time.Hour)
	night := schedule.Night{From: begins.Sub(midnight), To: ends.Sub(midnight)}
	if err := night.Check(); err != nil {
		return night, fmt.Errorf("--night %q: %w", o.Night, err)
	}
	return night, nil
}

// tokens are those that the operator gave out, as they are now.
func (g Globals) tokens() *token.Book { return token.Open(filepath.Join(g.State, tokensFile)) }

// writeAddress lets programs on this machine find the server.
func (g Globals) writeAddress(url string) error {
	if err := os.WriteFile(filepath.Join(g.State, addressFile), []byte(url+"\n"), 0o644); err != nil {
		return exitWith(exitConfiguration, fmt.Errorf("cannot write down where the server is: %w", err))
	}
	return nil
}

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
	night, err := o.night()
	if err != nil {
		return nil, err // it was checked
	}
	s, err := schedule.New(schedule.Config{
		Bridge: sv.bridge, Runs: sv.journal, Memory: sv.journal, Default: o.Schedule, Night: night,
		Enrolments: func() []recipes.Enrolment { return sv.enrolments.Book().Enrolments },
		Context:    announce.Context{PublicURL: sv.public, Word: word, Mask: sv.mask}, Now: time.Now, Log: log,
	})
	return s, exitWith(exitConfiguration, err)
}
