package journaltest

import (
	"fmt"
	"strings"
	"time"

	"seatrial/harness/run"
)

// at is a moment, so many seconds into the tests' morning.
func at(seconds int) time.Time {
	return time.Date(2026, 5, 4, 8, 0, seconds, 123456789, time.UTC)
}

// Request returns a request for a pull request of a made-up recipe.
func Request(recipe string, pull int) run.Request {
	return run.Request{
		ID:     run.NewID(at(0)),
		Recipe: recipe,
		Code: run.Code{
			Forge: "gitea", Repo: "org/" + recipe, Pull: pull, Ref: fmt.Sprintf("refs/pull/%d/head", pull),
			Commit: strings.Repeat(fmt.Sprint(pull%10), 40),
		},
		AskedBy: run.Person{Login: "ada", ID: 7},
		AskedAt: at(0),
		Limit:   run.DefaultLimit,
		Silence: run.DefaultSilence,
	}
}

// Story returns the events of a request that became a whole run: it passed two
// stages, failed the third with a fault, and left nothing. The git tree that was
// tested is called tree-of-<recipe>-<pull>.
func Story(r run.Request) []run.Event {
	tree := fmt.Sprintf("tree-of-%s-%d", r.Recipe, r.Code.Pull)
	events := []run.Event{
		bridge(0, run.KindRequested).With(r),
		bridge(1, run.KindDispatching).With(run.Lease{Slot: 1, Expires: at(3900).Truncate(time.Second)}),
		bridge(1, run.KindDispatched),
		harness(run.KindStarted).With(run.Started{PID: 4711, Label: r.ID.Label(r.Recipe), BaseURL: "http://app.test:8080"}),
		harness(run.KindPlanned).With(run.Plan{
			Stages: []run.Stage{run.StagePolicy, run.StageLint, run.StageInstall}, Commit: r.Code.Commit, Tree: tree, Subject: "Greet",
		}),
		stage(run.KindStageStarted, run.StagePolicy, ""), stage(run.KindStageEnded, run.StagePolicy, run.Passed),
		stage(run.KindStageStarted, run.StageLint, ""),
		harness(run.KindFinding).With(run.Finding{ID: "no-health-path", Severity: run.SeverityWarning, Text: "no health path"}),
		stage(run.KindStageEnded, run.StageLint, run.Passed),
		stage(run.KindStageStarted, run.StageInstall, ""),
		stage(run.KindStageEnded, run.StageInstall, run.Failed).With(run.Fault{Summary: "it does not start", Evidence: []string{"panic: <nil>"}}),
		harness(run.KindTornDown).With(run.Swept{Removed: 3}),
		harness(run.KindFinished),
		bridge(1, run.KindSwept).With(run.Swept{}),
		bridge(1, run.KindEnded),
	}
	type numbered struct {
		attempt int
		source  run.Source
	}
	last := map[numbered]int64{}
	for i := range events {
		e := &events[i]
		key := numbered{e.Attempt, e.Source}
		last[key]++
		e.Run, e.Seq, e.At = r.ID, last[key], at(i)
	}
	return events
}

func bridge(attempt int, kind run.Kind) run.Event {
	return run.Event{Attempt: attempt, Source: run.Bridge, Kind: kind}
}

func harness(kind run.Kind) run.Event {
	return run.Event{Attempt: 1, Source: run.Harness, Kind: kind}
}

func stage(kind run.Kind, s run.Stage, o run.Outcome) run.Event {
	e := harness(kind)
	e.Stage, e.Outcome = s, o
	if o != "" {
		e.Took = 1500 * time.Millisecond
	}
	return e
}
