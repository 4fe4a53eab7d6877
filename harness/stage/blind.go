package stage

import (
	"context"
	"path/filepath"

	"seatrial/harness/run"
)

// blindExpect is the warning about steps that would see no loss, as lint names it.
const blindExpect = "blind-expect"

// sees says whether the enrolment has steps of its own that would see a loss.
func (x *exam) sees() bool { return len(x.Enrolment.Canaries.Expect) > 0 && !x.blind }

// askBlind does the steps that find the seeded data once where nothing was seeded yet.
// Where all of them hold, they would hold after every loss, too.
func (x *exam) askBlind(ctx context.Context) {
	steps := x.Enrolment.Canaries.Expect
	if x.askedBlind || len(steps) == 0 {
		return
	}
	x.askedBlind = true
	x.say("asking what is expected of an app without data")
	vars := map[string]string{}
	for _, step := range steps {
		// A step that changes something is not done before its time.
		if !step.Reads() || x.step(ctx, step, vars) != nil {
			return
		}
	}
	x.blind = true
	text := "everything that canaries.expect expects holds where nothing was seeded yet, so it can see no loss: have a step look for what canaries.seed puts in"
	x.Events.Emit(run.Event{Kind: run.KindFinding, Stage: run.StageLint, Note: text}.With(run.Finding{
		ID: blindExpect, Severity: run.SeverityWarning, File: filepath.Base(x.Enrolment.File), Text: text,
	}))
}
