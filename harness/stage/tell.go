package stage

import (
	"context"
	"fmt"
	"strings"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/run"
	"seatrial/internal/hidden"
)

// record writes an answer down.
func (x *exam) record(s run.Stage, took time.Duration, a answer) {
	e := run.Event{Kind: run.KindStageEnded, Stage: s, Outcome: a.outcome, Took: took, Note: plain(strings.ReplaceAll(a.note, "\n", " "))}
	if a.fault != nil {
		told := *a.fault
		told.Summary, told.Hint = plain(told.Summary), plain(told.Hint)
		e = e.With(told)
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

// plain shows what a reader would not see in what is said: a file's name may hold anything.
// Lines stay lines.
func plain(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = hidden.Blot(line)
	}
	return strings.Join(lines, "\n")
}

// warn says something that decides nothing, once.
func (x *exam) warn(text string) {
	text = plain(text)
	if x.warned[text] {
		return
	}
	x.warned[text] = true
	x.Events.Emit(run.Event{Kind: run.KindWarning, Stage: x.current, Note: text})
}
