package server

import (
	"time"

	"seatrial/bridge/announce"
	"seatrial/bridge/api"
	"seatrial/bridge/hook"
	"seatrial/bridge/schedule"
	"seatrial/bridge/token"
	"seatrial/internal/exit"
	"seatrial/internal/state"
	"seatrial/recipes"
)

// newAPI lets programs ask for runs.
func (sv *Server) newAPI(senders []hook.Forge) (*api.Service, error) {
	tokens := token.Open(sv.State.Path(state.TokensFile))
	if _, err := tokens.List(); err != nil { // rather now than when a program asks
		return nil, exit.With(exit.Configuration, err)
	}
	f, err := api.New(api.Config{
		Bridge: sv.bridge, Tokens: tokens, Runs: sv.journal, Forges: senders, PublicURL: sv.PublicURL,
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
