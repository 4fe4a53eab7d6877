package stage

import (
	"context"
	"fmt"
	"time"

	"seatrial/harness/app"
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

// tellHits says which limits the app ran into, also where it outlived that.
func (x *exam) tellHits(ctx context.Context) {
	if l, ok := x.App.(app.Limited); ok && ctx.Err() == nil {
		for _, line := range l.Hits(ctx) {
			x.warn(line)
		}
	}
}

// warn says something that decides nothing, once.
func (x *exam) warn(text string) {
	if x.warned[text] {
		return
	}
	x.warned[text] = true
	x.Events.Emit(run.Event{Kind: run.KindWarning, Stage: x.current, Note: text})
}
