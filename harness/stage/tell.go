package stage

import (
	"fmt"
	"time"

	"seatrial/harness/run"
)

// record writes an answer down.
func (x *exam) record(s run.Stage, took time.Duration, a answer) {
	e := run.Event{Kind: run.KindStageEnded, Stage: s, Outcome: a.outcome, Took: took, Note: a.note}
	if a.fault != nil {
		e = e.With(a.fault)
	}
	x.Events.Emit(e)
}

// say tells what is being done now.
func (x *exam) say(format string, args ...any) {
	x.Events.Emit(run.Event{Kind: run.KindProgress, Stage: x.current, Note: fmt.Sprintf(format, args...)})
}

// wait tells that nothing new happened yet.
func (x *exam) wait(format string, args ...any) {
	x.Events.Beat(run.Event{Kind: run.KindProgress, Stage: x.current, Note: fmt.Sprintf(format, args...)})
}

// warn says something that decides nothing, once.
func (x *exam) warn(text string) {
	if x.warned[text] {
		return
	}
	x.warned[text] = true
	x.Events.Emit(run.Event{Kind: run.KindWarning, Stage: x.current, Note: text})
}
