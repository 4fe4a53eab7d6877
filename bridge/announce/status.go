package announce

import (
	"fmt"

	"seatrial/bridge/forge"
	"seatrial/harness/run"
)

// StatusContext is the name under which the commit status stands.
const StatusContext = "seatrial"

// maxDescription is the least that any forge takes.
const maxDescription = 140

// StatusOf is a run's commit status. A run sets two: pending, and its last word.
// How far it is in between stands in the comment.
func StatusOf(r run.Report, c Context) forge.Status {
	s := forge.Status{Context: StatusContext, TargetURL: c.runPage(r.Request.ID)}
	s.State, s.Description = stateOf(r, c)
	s.Description = cut(visible(s.Description), maxDescription)
	return s
}

func stateOf(r run.Report, c Context) (forge.StatusState, string) {
	switch r.Verdict() {
	case run.VerdictPending:
		return forge.StatusPending, "asked for; not answered yet"
	case run.VerdictPass:
		return forge.StatusSuccess, fmt.Sprintf("passed: level %d of %d", r.Level(), run.MaxLevel)
	case run.VerdictFail:
		stage, f := r.Fault()
		return forge.StatusFailure, fmt.Sprintf("failed in %s: %s", stage, c.mask(f.Summary))
	}
	if w := r.Word(); w != string(run.VerdictUnverified) {
		return forge.StatusError, w + ": nothing was answered"
	}
	switch {
	case r.Ending != run.EndedNormally:
		return forge.StatusError, "unverified: " + string(r.Ending)
	case len(r.Leftovers) > 0:
		return forge.StatusError, "unverified: something was left behind"
	}
	return forge.StatusError, "unverified: not every question could be answered"
}
