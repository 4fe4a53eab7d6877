package server

import (
	"time"

	"seatrial/bridge/announce"
	"seatrial/bridge/front"
	"seatrial/bridge/hook"
	"seatrial/bridge/schedule"
	"seatrial/bridge/token"
	"seatrial/internal/exit"
	"seatrial/internal/state"
	"seatrial/recipes"
)

// newFront lets programs ask for runs.
func (sv *Server) newFront(senders []hook.Forge) (*front.Front, error) {
	f, err := front.New(front.Config{
		Bridge: sv.bridge, Tokens: token.Open(sv.State.Path(state.TokensFile)), Runs: sv.journal, Forges: senders, PublicURL: sv.PublicURL,
		TrustedProxies: sv.TrustedProxies, Now: time.Now, Log: sv.Log,
	})
	return f, exit.With(exit.Configuration, err)
}

// newScheduler has recipes tested again at their times.
func (sv *Server) newScheduler() (*schedule.Scheduler, error) {
	s, err := schedule.New(schedule.Config{
		Bridge: sv.bridge, Runs: sv.journal, Memory: sv.journal, Default: sv.Schedule, Night: sv.Night,
		Enrolments: func() []recipes.Enrolment { return sv.enrolments.Book().Enrolments },
		Context:    announce.Context{PublicURL: sv.PublicURL, Word: sv.Word, Mask: sv.mask}, Now: time.Now, Log: sv.Log,
	})
	return s, exit.With(exit.Configuration, err)
}
