package harness

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"seatrial/harness/run"
)

// recorder numbers what happens, masks it, gives it to the sink and folds it. It
// also knows when something last happened.
type recorder struct {
	job  *Job
	mask *Mask
	log  io.Writer

	mu      sync.Mutex
	seq     int64
	report  run.Report
	failed  error
	failing func(error)
	last    time.Time
	doing   string
}

func newRecorder(j *Job, m *Mask) *recorder {
	r := &recorder{job: j, mask: m, log: m.Writer(j.Log), last: time.Now(), doing: "the start"}
	asked := run.Event{Run: j.Request.ID, Source: run.Bridge, Seq: -1, At: j.Request.AskedAt, Kind: run.KindRequested}
	_ = r.report.Apply(asked.With(j.Request)) // what was just encoded can be decoded
	return r
}

// onFailure says what to do when an event cannot be written.
func (r *recorder) onFailure(do func(error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failing = do
}

// Emit records that something happened.
func (r *recorder) Emit(e run.Event) {
	r.touch(strings.TrimSpace(describe(e)))
	r.write(e)
}

// Beat records that somebody still waits.
func (r *recorder) Beat(e run.Event) { r.write(e) }

func (r *recorder) write(e run.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	e.Run, e.Attempt, e.Source, e.Seq, e.At = r.job.Request.ID, r.job.Attempt, run.Harness, r.seq, r.job.Now()
	e = r.mask.Event(clip(e))
	err := r.job.Sink(e)
	if err == nil {
		err = r.report.Apply(e)
	}
	if err != nil && r.failed == nil {
		r.failed = fmt.Errorf("cannot record event %d of run %s: %w", e.Seq, e.Run, err)
		if r.failing != nil {
			r.failing(err)
		}
	}
	if text := describe(e); text != "" {
		fmt.Fprintf(r.log, "%s %s\n", e.At.Format(time.TimeOnly), text)
	}
}

// touch notes that there is life.
func (r *recorder) touch(doing string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = time.Now()
	if doing != "" {
		r.doing = doing
	}
}

// quiet is how long nothing happened, and what was the last.
func (r *recorder) quiet() (time.Duration, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Since(r.last), r.doing
}

// conclude is the report as it stands when nothing more will happen.
func (a *attempt) conclude() (run.Report, error) {
	r := a.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	// The bridge says this where there is one; here the harness has the last word.
	ended := run.Event{Run: a.Request.ID, Attempt: a.Attempt, Source: run.Bridge, Seq: -2, At: a.Now(), Kind: run.KindEnded}
	if err := r.report.Apply(ended); err != nil && r.failed == nil {
		r.failed = err
	}
	return r.report.Clone(), r.failed
}

// stageEvents takes events from the stages until they are over. A stage that did
// not stop when asked has nothing more to say.
type stageEvents struct {
	*recorder
	over atomic.Bool
}

// Emit implements stage.Events.
func (s *stageEvents) Emit(e run.Event) {
	if !s.over.Load() {
		s.recorder.Emit(e)
	}
}

// Beat implements stage.Events.
func (s *stageEvents) Beat(e run.Event) {
	if !s.over.Load() {
		s.recorder.Beat(e)
	}
}

// describe is an event as one line of the log for people.
func describe(e run.Event) string {
	switch e.Kind {
	case run.KindStarted:
		return "== started"
	case run.KindPlanned:
		return "== planned"
	case run.KindStageStarted:
		return "== " + string(e.Stage)
	case run.KindStageEnded:
		text := fmt.Sprintf("== %s %s", e.Stage, e.Outcome)
		if e.Took > 0 {
			text += fmt.Sprintf(" after %s", e.Took.Round(time.Millisecond))
		}
		if e.Note != "" {
			text += ": " + e.Note
		}
		return text
	case run.KindProgress:
		return "   " + e.Note
	case run.KindFinding:
		return "   finding: " + e.Note
	case run.KindWarning:
		return "   warning: " + e.Note
	case run.KindInterrupted:
		return "== interrupted: " + e.Note
	case run.KindTornDown:
		text := "== torn down"
		var swept run.Swept
		if e.Into(&swept) == nil {
			for _, l := range swept.Leftovers {
				text += fmt.Sprintf("\n   left over: %s %s: %s", l.Kind, l.Name, l.Detail)
			}
		}
		return text
	case run.KindFinished:
		return "== finished"
	}
	return ""
}
