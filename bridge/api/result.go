package api

import (
	"errors"
	"net/http"
	"time"

	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/internal/respond"
)

// Outcome is the answer of GET /api/v1/run/{id}: enough to wait for a verdict.
type Outcome struct {
	Run    run.ID `json:"run"`
	URL    string `json:"url"`
	Recipe string `json:"recipe"`
	Repo   string `json:"repo"`
	Pull   int    `json:"pull,omitempty"`
	Ref    string `json:"ref"`
	Commit string `json:"commit"`

	State    string     `json:"state"` // waiting, starting, running, tearing down, ended
	Word     string     `json:"word"`  // the state or, at the end, pass, fail, unverified, cancelled, superseded
	Verdict  string     `json:"verdict"`
	Level    int        `json:"level"`
	MaxLevel int        `json:"max_level"`
	Ending   string     `json:"ending,omitempty"` // why it ended before everything was answered
	By       run.ID     `json:"superseded_by,omitempty"`
	Asked    time.Time  `json:"asked_at"`
	Ended    *time.Time `json:"ended_at,omitempty"`
	Stages   []Stage    `json:"stages"`
}

// Stage is how it stands with one stage.
type Stage struct {
	Stage   string  `json:"stage"`
	Outcome string  `json:"outcome,omitempty"` // empty: not answered yet
	Seconds float64 `json:"seconds,omitempty"`
	Why     string  `json:"why,omitempty"` // of what did not pass. A stranger's text
}

// result answers GET /api/v1/run/{id}. Whoever can open the dashboard can ask it.
func (s *Service) result(w http.ResponseWriter, r *http.Request, text string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		newProblem(http.StatusMethodNotAllowed, "wrong-method", "A run can only be looked at.", "GET it; POST requests for runs to "+RunPath+".").JSON(w)
		return
	}
	id, err := run.ParseID(text)
	if err != nil {
		newProblem(http.StatusNotFound, "no-such-run", "This is not a run's ID.", "A request for a run is answered with one.").JSON(w)
		return
	}
	report, err := s.Runs.Report(r.Context(), id)
	switch {
	case errors.Is(err, journal.ErrUnknownRun):
		newProblem(http.StatusNotFound, "no-such-run", "The journal holds no run "+string(id)+".", "A request for a run is answered with an ID that it holds.").JSON(w)
	case err != nil:
		s.Log.Error("cannot read a run", "run", id, "err", err)
		unavailable("The journal could not be read.").JSON(w)
	default:
		respond.JSON(w, http.StatusOK, s.outcome(report))
	}
}

func (s *Service) outcome(r run.Report) Outcome {
	at := r.Request.Code
	o := Outcome{
		Run: r.Request.ID, URL: s.page(r.Request.ID), Recipe: r.Request.Recipe, Repo: at.Repo, Pull: at.Pull, Ref: at.Ref, Commit: at.Commit,
		State: string(r.State), Word: r.Word(), Verdict: string(r.Verdict()), Level: r.Level(), MaxLevel: run.MaxLevel,
		Ending: string(r.Ending), By: r.SupersededBy, Asked: r.Request.AskedAt, Stages: []Stage{},
	}
	if !r.EndedAt.IsZero() {
		o.Ended = &r.EndedAt
	}
	for _, s := range r.Stages {
		stage := Stage{Stage: string(s.Stage), Outcome: string(s.Outcome), Seconds: s.Took.Round(time.Millisecond).Seconds(), Why: s.Note}
		if s.Fault != nil {
			stage.Why = s.Fault.Summary
		}
		o.Stages = append(o.Stages, stage)
	}
	return o
}
