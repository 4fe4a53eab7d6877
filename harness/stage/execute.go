package stage

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/run"
)

// exam is the state between two questions.
type exam struct {
	Job
	plan    Plan
	current run.Stage // where progress is reported

	up   bool      // the app runs, and was healthy when it was last looked at
	down run.Stage // whose fault it is that it does not
	// Since when the app that is up answers well, and by what it runs since then.
	healthySince time.Time
	lives        []app.Life
	watched      bool   // the head was seen to stay up with data in it
	broken       string // what is wrong with the published release
	onceOnly     bool   // the app takes its seed no second time
	removed      int    // things that were destroyed between two stages

	answers   map[run.Stage]answer
	planted   *planted // what must be found again
	seedError error    // why nothing is planted, where that is our mistake
	backup    *backup  // what can be restored
	kept      int64    // bytes of the last backup
	checks    checks
	warned    map[string]bool
	// The steps that find the seeded data were asked where there was none, and held.
	askedBlind, blind bool
	lacks             string // why what the app needs besides itself cannot be had
}

// Execute asks everything that the plan asks. It returns when every question is
// answered or the context ends; the question that is being asked then is left
// unverified and the others are left open.
func Execute(ctx context.Context, j Job, p Plan) Result {
	x := &exam{Job: j, plan: p, answers: map[run.Stage]answer{}, warned: map[string]bool{}}
	for _, s := range p.Stages {
		if why, skipped := p.Skipped[s]; skipped {
			a := answer{outcome: run.Skipped, note: why}
			if s == run.StageUpgrade && p.Unknown {
				a.outcome = run.Unverified
			}
			x.record(s, 0, a)
		}
	}
	x.take(ctx, Step{Stage: run.StagePolicy})
	if p.Asks(run.StageLint) {
		x.take(ctx, Step{Stage: run.StageLint})
	}
	if x.Needs != nil && len(p.Route) > 0 && ctx.Err() == nil && x.answers[run.StagePolicy].outcome == run.Passed {
		x.lacks = x.Needs(ctx)
	}
	x.walk(ctx, p.Route)
	if x.plan.Asks(run.StageChecks) {
		x.concludeChecks(ctx)
	}
	x.tellHits(ctx)
	return Result{Up: x.up, Backup: x.kept, Removed: x.removed}
}

func (x *exam) walk(ctx context.Context, way []Step) {
	for _, step := range way {
		x.take(ctx, step)
		if step.Stage == run.StageUpgrade && x.answers[run.StageUpgrade].outcome != run.Passed {
			x.walk(ctx, x.plan.Detour)
			return
		}
	}
}

// take asks one question and records the answer.
func (x *exam) take(ctx context.Context, step Step) {
	if ctx.Err() != nil {
		return
	}
	x.current = step.Stage
	if step.Silent && x.Only != "" {
		x.current = x.Only
	}
	if why := x.blocked(step); why != "" {
		x.settle(step, 0, answer{outcome: run.Blocked, note: why})
		return
	}
	if !step.Silent {
		x.Events.Emit(run.Event{Kind: run.KindStageStarted, Stage: step.Stage})
	}
	began := time.Now()
	err := x.ask(ctx, step)
	if step.Stage != run.StagePolicy && step.Stage != run.StageLint { // which need no platform
		err = x.excused(began, err)
	}
	x.settle(step, time.Since(began), judge(ctx, err))
}

func (x *exam) settle(step Step, took time.Duration, a answer) {
	x.answers[step.Stage] = a
	if !step.Silent {
		x.record(step.Stage, took, a)
		return
	}
	if a.fault != nil {
		x.warn(fmt.Sprintf("%s, which was not asked but is needed, failed: %s", step.Stage, faultText(a.fault)))
	}
}

// ask does the step. A panic is our mistake, and only this question's.
func (x *exam) ask(ctx context.Context, step Step) (err error) {
	defer func() {
		if p := recover(); p != nil {
			x.wentDown(step.Stage)
			x.Log.Error("a stage panicked", "run", x.Run, "stage", step.Stage, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("a mistake in this program: %v", p)
		}
	}()
	switch step.Stage {
	case run.StagePolicy:
		return x.askPolicy(ctx)
	case run.StageLint:
		return x.askLint(ctx)
	case run.StageUpgrade:
		return x.askUpgrade(ctx)
	case run.StageRestart:
		return x.askRestart(ctx)
	case run.StageBackup:
		return x.askBackup(ctx)
	case run.StageInstall:
		return x.askInstall(ctx, step)
	case run.StageRestore:
		return x.askRestore(ctx, step)
	}
	return fmt.Errorf("a mistake in this program: nothing is known about a stage %q", step.Stage)
}

// blocked says why the question cannot be asked, or nothing.
func (x *exam) blocked(step Step) string {
	switch step.Stage {
	case run.StagePolicy, run.StageLint:
		return ""
	}
	if a := x.answers[run.StagePolicy]; a.outcome != run.Passed {
		return fmt.Sprintf("nothing is deployed, because policy %s", x.short(run.StagePolicy))
	}
	if x.lacks != "" {
		return "nothing is deployed, because " + x.lacks
	}
	switch step.Stage {
	case run.StageRestart, run.StageBackup:
		if !x.up {
			return fmt.Sprintf("it needs an app that is up, but %s %s", x.down, x.short(x.down))
		}
	case run.StageRestore:
		if x.backup == nil {
			return fmt.Sprintf("it needs a good backup, but backup %s", x.short(run.StageBackup))
		}
		if !step.Again && !x.up {
			return fmt.Sprintf("it needs an app that is up, but %s %s", x.down, x.short(x.down))
		}
	}
	return ""
}

// wentDown notes that no app is up any more, and whose answer tells why.
func (x *exam) wentDown(s run.Stage) { x.up, x.down = false, s }

// short is an answer in a word or two. Where nobody reports the answer, it is told whole.
func (x *exam) short(s run.Stage) string {
	a, ok := x.answers[s]
	switch {
	case !ok:
		return "was not asked"
	case !x.plan.Asks(s):
		return a.String()
	case a.outcome == run.Unverified:
		return "could not be verified"
	case a.outcome == run.Blocked:
		return "was blocked"
	default:
		return string(a.outcome)
	}
}
