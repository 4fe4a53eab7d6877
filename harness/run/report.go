package run

import (
	"slices"
	"time"
)

// State says how far a run has come.
type State string

// The states, in the order in which a run goes through them.
const (
	Waiting     State = "waiting"      // for a slot
	Starting    State = "starting"     // handed to the place that will run it
	Running     State = "running"      // the harness is at work
	TearingDown State = "tearing down" // every question is answered; the app is being removed
	Ended       State = "ended"
)

// StageReport is what is known about one stage.
type StageReport struct {
	Stage     Stage         `json:"stage"`
	Outcome   Outcome       `json:"outcome,omitempty"` // empty while it waits or runs
	StartedAt time.Time     `json:"started_at,omitzero"`
	Took      time.Duration `json:"took,omitempty"`
	Note      string        `json:"note,omitempty"`
	Fault     *Fault        `json:"fault,omitempty"`
}

// Report is everything that the events of one run amount to. Fold makes it.
type Report struct {
	Request Request `json:"request"`
	State   State   `json:"state"`
	Attempt int     `json:"attempt"`

	QueuedAt  time.Time `json:"queued_at,omitzero"`
	StartedAt time.Time `json:"started_at,omitzero"` // of the latest attempt
	EndedAt   time.Time `json:"ended_at,omitzero"`

	Lease   Lease    `json:"lease,omitzero"`
	Started *Started `json:"started,omitempty"`
	Plan    *Plan    `json:"plan,omitempty"`

	Stages   []StageReport `json:"stages"` // planned ones, in order; of the latest attempt
	Progress string        `json:"progress,omitempty"`
	Findings []Finding     `json:"findings,omitempty"`
	Warnings []string      `json:"warnings,omitempty"`

	Ending     Ending     `json:"ending,omitempty"`
	EndingNote string     `json:"ending_note,omitempty"`
	TornDown   bool       `json:"torn_down"`         // somebody looked after the teardown; Leftovers is what was still there
	Removed    int        `json:"removed,omitempty"` // how many things of the attempt were made and are gone
	Leftovers  []Leftover `json:"leftovers,omitempty"`
	Measured   *Measured  `json:"measured,omitempty"`
	CleanedAt  time.Time  `json:"cleaned_at,omitzero"` // when what the ended run had left was gone after all; the verdict stays

	Earlier      []string `json:"earlier,omitempty"` // why earlier attempts did not count
	Joined       []string `json:"joined,omitempty"`
	StaleSince   string   `json:"stale_since,omitempty"` // the newer head, where one was pushed
	SupersededBy ID       `json:"superseded_by,omitempty"`
	CancelAsked  string   `json:"cancel_asked,omitempty"` // who asked and why

	seen map[eventKey]bool
}

type eventKey struct {
	attempt int
	source  Source
	seq     int64
}

// Fold makes the report of one run from its events, in the journal's order.
// Events that repeat a key are dropped. An event whose data cannot be decoded is
// an error: a report must not be made from half of the facts.
func Fold(events []Event) (Report, error) {
	var r Report
	for _, e := range events {
		if err := r.Apply(e); err != nil {
			return Report{}, err
		}
	}
	return r, nil
}

// Apply folds one more event into the report.
func (r *Report) Apply(e Event) error {
	key := eventKey{e.Attempt, e.Source, e.Seq}
	if r.seen[key] {
		return nil
	}
	if r.seen == nil {
		r.seen = map[eventKey]bool{}
		r.State = Waiting
		r.Request.ID = e.Run // known before the request is, if that comes late or not at all
	}
	if e.Source == Harness && e.Attempt < r.Attempt {
		// The last words of an attempt that was given up do not touch the next one.
		r.seen[key] = true
		return nil
	}
	if err := r.apply(e); err != nil {
		return err
	}
	r.seen[key] = true
	return nil
}

func (r *Report) apply(e Event) error {
	switch e.Kind {
	case KindRequested:
		r.QueuedAt = e.At
		return e.Into(&r.Request)
	case KindJoined:
		r.Joined = append(r.Joined, e.Note)
	case KindStale:
		var push Push
		if err := e.Into(&push); err != nil {
			return err
		}
		r.StaleSince = push.Commit
	case KindSuperseded:
		var s Superseded
		if err := e.Into(&s); err != nil {
			return err
		}
		r.SupersededBy = s.By
	case KindCancelAsked:
		r.CancelAsked = e.Note
	case KindDispatching:
		r.beginAttempt(e)
		return e.Into(&r.Lease)
	case KindDispatched:
		// The place has it; the harness's own word moves the state.
	case KindLost:
		r.end(EndLost, e.Note)
	case KindEnded:
		if r.Ending == EndedNormally {
			r.end(Ending(e.Note), "")
		}
		r.State, r.EndedAt = Ended, e.At
	case KindStarted:
		if e.Attempt > r.Attempt {
			r.beginAttempt(e)
		}
		r.State, r.StartedAt = Running, e.At
		r.Started = &Started{}
		return e.Into(r.Started)
	case KindPlanned:
		r.Plan = &Plan{}
		if err := e.Into(r.Plan); err != nil {
			return err
		}
		for _, stage := range r.Plan.Stages {
			r.stage(stage)
		}
	case KindStageStarted:
		r.stage(e.Stage).StartedAt = e.At
		r.Progress = ""
	case KindProgress:
		r.Progress = e.Note
	case KindFinding:
		var f Finding
		if err := e.Into(&f); err != nil {
			return err
		}
		r.Findings = append(r.Findings, f)
	case KindWarning:
		r.Warnings = append(r.Warnings, e.Note)
	case KindStageEnded:
		return r.endStage(e)
	case KindInterrupted:
		ending, note := Ending(e.Note), ""
		if err := e.Into(&note); err != nil {
			return err
		}
		r.end(ending, note)
		r.State = TearingDown
	case KindTornDown, KindSwept:
		var swept Swept
		if err := e.Into(&swept); err != nil {
			return err
		}
		if r.State == Ended {
			// The run was judged by what it left; that it is gone by now frees its slot.
			if len(swept.Leftovers) == 0 {
				r.CleanedAt = e.At
			}
			return nil
		}
		// Whoever looked last knows: the list is made anew each time.
		r.Leftovers, r.TornDown = swept.Leftovers, true
		r.Removed += swept.Removed
	case KindFinished:
		r.State, r.Progress = TearingDown, ""
		if len(e.Data) > 0 {
			r.Measured = &Measured{}
			return e.Into(r.Measured)
		}
	}
	return nil
}

// beginAttempt forgets what an earlier attempt answered: only the latest counts.
func (r *Report) beginAttempt(e Event) {
	if r.Attempt > 0 && r.Ending != EndedNormally {
		why := string(r.Ending)
		if r.EndingNote != "" {
			why += ": " + r.EndingNote
		}
		r.Earlier = append(r.Earlier, why)
	}
	if r.Attempt > 0 { // what was said while it waited still holds
		r.Findings, r.Warnings = nil, nil
	}
	r.Attempt, r.State = e.Attempt, Starting
	r.Started, r.Plan, r.Stages = nil, nil, nil
	r.Progress = ""
	r.Ending, r.EndingNote = EndedNormally, ""
	r.TornDown, r.Leftovers, r.Removed, r.Measured = false, nil, 0, nil
	r.StartedAt = e.At
}

func (r *Report) end(ending Ending, note string) {
	r.Ending, r.EndingNote = ending, note
}

func (r *Report) stage(name Stage) *StageReport {
	i := slices.IndexFunc(r.Stages, func(s StageReport) bool { return s.Stage == name })
	if i < 0 {
		r.Stages = append(r.Stages, StageReport{Stage: name})
		i = len(r.Stages) - 1
	}
	return &r.Stages[i]
}

func (r *Report) endStage(e Event) error {
	s := r.stage(e.Stage)
	s.Outcome, s.Took, s.Note = e.Outcome, e.Took, e.Note
	r.Progress = ""
	if len(e.Data) > 0 {
		s.Fault = &Fault{}
		return e.Into(s.Fault)
	}
	return nil
}

// Outcome is the answer of one stage, empty where there is none.
func (r *Report) Outcome(stage Stage) Outcome {
	for _, s := range r.Stages {
		if s.Stage == stage {
			return s.Outcome
		}
	}
	return ""
}

// Fault is the first fault found, in the order of the stages, or nil.
func (r *Report) Fault() (Stage, *Fault) {
	for _, s := range r.Stages {
		if s.Outcome == Failed {
			if s.Fault == nil {
				return s.Stage, &Fault{Summary: s.Note}
			}
			return s.Stage, s.Fault
		}
	}
	return "", nil
}

// Current is the stage that is being asked, or empty.
func (r *Report) Current() Stage {
	var latest StageReport
	for _, s := range r.Stages {
		if s.Outcome == "" && s.StartedAt.After(latest.StartedAt) {
			latest = s
		}
	}
	return latest.Stage
}
