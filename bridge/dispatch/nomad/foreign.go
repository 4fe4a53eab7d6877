package nomad

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/bridge/dispatch"
	"seatrial/harness/cluster"
	"seatrial/harness/run"
	"seatrial/internal/atomicfile"
)

// What is kept of what a builder without events printed, and shown as evidence.
const (
	outputKept  = 64 << 10 // bytes of each stream
	outputLines = 20
)

// answerForBuilder writes the events of a builder that writes none: an operator's own
// job, which answers by its exit code. They are made of what the cluster says, which
// does not change any more, so they are the same whenever they are made.
//
// No answer is made of an executor that was stopped, killed, or never started.
func (d *Dispatcher) answerForBuilder(ctx context.Context, k key, m *mirror, f facts, files []*api.AllocFileInfo) error {
	end := termination(f.executor())
	if slices.ContainsFunc(files, func(f *api.AllocFileInfo) bool { return f.Name == dispatch.EventsFile }) || !answers(f, end) {
		return nil
	}
	job, foreign, err := d.foreign(ctx, f)
	if err != nil || !foreign {
		return err
	}
	output, err := d.output(ctx, f.alloc.ID)
	switch {
	case err == nil:
	case errors.Is(err, errNoFile), errors.Is(err, errNoFiles), !outside(err) && d.Now().Sub(m.since) > collectWithin:
		// Its exit code is known all the same, and that is its answer. A node that makes
		// room forgets what was printed while the folder may still be listed.
		output = append(output, []byte("What the builder printed is no longer on its node.\n")...)
	default:
		return err
	}
	if err := atomicfile.Write(filepath.Join(d.folder(k), dispatch.LogFile), output, 0o600); err != nil {
		return err
	}
	var text bytes.Buffer
	for _, e := range builderEvents(k, f, end, job.Meta, output) {
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		text.Write(append(line, '\n'))
	}
	return atomicfile.Write(filepath.Join(d.folder(k), dispatch.EventsFile), text.Bytes(), 0o600)
}

// answers says whether an exit code is the builder's answer.
func answers(f facts, end ending) bool {
	return end.there && !end.oom && end.signal == 0 && causeOf(f) == "" && !f.note.Stopped &&
		f.alloc.DesiredStatus == api.AllocDesiredStatusRun && f.alloc.ClientStatus != api.AllocClientStatusLost &&
		!strings.Contains(f.alloc.ClientDescription, "max_run_duration")
}

// foreign reads the child, and says whether its builder has no harness of ours in it:
// one that takes the packed job does.
func (d *Dispatcher) foreign(ctx context.Context, f facts) (*api.Job, bool, error) {
	builder, _, _, _ := cluster.ParseChild(f.note.Job)
	if builder == cluster.JobRun || strings.HasPrefix(builder, cluster.RecipeJob("")) {
		return nil, false, nil
	}
	job, err := d.job(ctx, f.note.Job)
	if cluster.Is(err, cluster.ErrNotFound) {
		return nil, false, nil
	}
	return job, err == nil && job.Meta[cluster.MetaJob] == "", err
}

// output is what the executor printed last; with an error, what was read before it.
func (d *Dispatcher) output(ctx context.Context, alloc string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchWithin)
	defer cancel()
	var all bytes.Buffer
	for _, stream := range []string{api.FSLogNameStdout, api.FSLogNameStderr} {
		if err := d.taskLog(ctx, alloc, stream, outputKept, false, &all); err != nil {
			return all.Bytes(), cluster.Explain("read what the builder printed", err)
		}
	}
	return all.Bytes(), nil
}

// builderEvents are the whole series.
func builderEvents(k key, f facts, end ending, meta map[string]string, output []byte) []run.Event {
	executor := f.executor()
	from, to := executor.StartedAt.UTC(), executor.FinishedAt.UTC()
	var series []run.Event
	add := func(at time.Time, e run.Event) {
		e.Run, e.Attempt, e.Source, e.Seq, e.At = k.id, k.attempt, run.Harness, int64(len(series)+1), at
		series = append(series, e)
	}
	add(from, run.Event{Kind: run.KindStarted}.With(run.Started{
		Host: f.alloc.NodeName, Label: k.id.Label(meta[cluster.MetaRecipe]), Job: f.note.Job, Alloc: f.alloc.ID, Node: f.alloc.NodeName,
	}))
	add(from, run.Event{Kind: run.KindPlanned}.With(run.Plan{Stages: []run.Stage{run.StageChecks}, Commit: meta[cluster.MetaCommit]}))
	add(from, run.Event{Kind: run.KindStageStarted, Stage: run.StageChecks})
	answer := run.Event{Kind: run.KindStageEnded, Stage: run.StageChecks, Outcome: run.Passed, Took: to.Sub(from)}
	if end.code != 0 {
		answer.Outcome = run.Failed
		answer = answer.With(run.Fault{Summary: fmt.Sprintf("the builder's executor exited with code %d", end.code), Evidence: lastLines(output)})
	}
	add(to, answer)
	over := endOf(f.alloc).UTC()
	add(over, run.Event{Kind: run.KindTornDown}.With(run.Swept{}))
	add(over, run.Event{Kind: run.KindFinished})
	return series
}

// lastLines are the last lines of a text, fit to be shown.
func lastLines(text []byte) []string {
	lines := strings.Split(strings.TrimRight(strings.ToValidUTF8(string(text), "\uFFFD"), "\n"), "\n")
	lines = lines[max(0, len(lines)-outputLines):]
	for i, line := range lines {
		lines[i] = oneLine(line)
	}
	return slices.DeleteFunc(lines, func(s string) bool { return s == "" })
}
