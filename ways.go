package main

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
	"seatrial/recipes"
)

// wayOptions are about runs that no comment asks for.
type wayOptions struct {
	Schedule string `help:"When each recipe's default branch is tested again, unless its enrolment says otherwise: nightly, weekly, off, or a cron expression." default:"off" placeholder:"WHEN"`
	Night    string `help:"Between which times of the day nightly and weekly runs begin, on this machine's clock. Each recipe has a time of its own." default:"01:00-05:00" placeholder:"FROM-TO"`
}

// scheduler tests default branches again.
func (o wayOptions) scheduler(sv *server, word string, log *slog.Logger) (*schedule.Scheduler, error) {
	night, err := o.night()
	if err != nil {
		return nil, exitWith(exitUsage, err)
	}
	if err := recipes.ScheduleProblem(o.Schedule); err != nil {
		return nil, exitWith(exitUsage, fmt.Errorf("--schedule: %w", err))
	}
	return schedule.New(schedule.Config{
		Bridge: sv.bridge, Runs: sv.journal, Memory: sv.journal, Default: o.Schedule, Night: night,
		Enrolments: func() []recipes.Enrolment { return sv.enrolments.Book().Enrolments },
		Context:    announce.Context{PublicURL: sv.public, Word: word, Mask: sv.mask}, Now: time.Now, Log: log,
	})
}

func (o wayOptions) night() (schedule.Night, error) {
	if o.Night == "" {
		return schedule.DefaultNight, nil
	}
	from, to, ok := strings.Cut(o.Night, "-")
	begins, err := time.Parse("15:04", from)
	ends, errTo := time.Parse("15:04", to)
	if !ok || err != nil || errTo != nil {
		return schedule.Night{}, fmt.Errorf("--night %q is not two times of a day: write it like 01:00-05:00", o.Night)
	}
	midnight := time.Date(begins.Year(), begins.Month(), begins.Day(), 0, 0, 0, 0, time.UTC)
	night := schedule.Night{From: begins.Sub(midnight), To: ends.Sub(midnight)}
	if err := night.Check(); err != nil {
		return night, fmt.Errorf("--night %q: %w", o.Night, err)
	}
	return night, nil
}

// newFront lets programs ask for runs, and the webhooks of single repositories.
func newFront(g Globals, o hookOptions, sv *server, all []hook.Forge, log *slog.Logger) (*front.Front, error) {
	proxies, err := o.proxies()
	if err != nil {
		return nil, err
	}
	book, err := g.tokens()
	if err != nil {
		return nil, err
	}
	made, err := front.New(front.Config{
		Bridge: sv.bridge, Tokens: book, Runs: sv.journal, Forges: all, PublicURL: sv.public, TrustedProxies: proxies, Now: time.Now, Log: log,
	})
	return made, exitWith(exitConfiguration, err)
}

// writeAddress lets programs on this machine find the server.
func (g Globals) writeAddress(url string) error {
	dir, err := g.stateDir(".", 0o711)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, addressFile), []byte(url+"\n"), 0o644); err != nil {
		return exitWith(exitConfiguration, fmt.Errorf("cannot write down where the server is: %w", err))
	}
	return nil
}
