package stage

import (
	"context"
	"fmt"
	"strings"
	"time"

	"seatrial/harness/failpoint"
	"seatrial/harness/run"
)

// checks gathers the answers to the recipe's own checks, which are asked several
// times and reported once, at the end.
type checks struct {
	started bool
	asked   []string // when
	err     error
	took    time.Duration
}

// check asks the recipe's own checks now.
func (x *exam) check(ctx context.Context, when string) {
	if !x.plan.Asks(run.StageChecks) || ctx.Err() != nil {
		return
	}
	if !x.checks.started {
		x.checks.started = true
		x.Events.Emit(run.Event{Kind: run.KindStageStarted, Stage: run.StageChecks})
	}
	began := time.Now()
	failpoint.Hit("harness:" + string(run.StageChecks))
	vars := map[string]string{}
	for i, step := range x.Enrolment.Checks {
		name := stepName(step, i)
		x.say("checking: %s", name)
		err := x.excused(began, x.step(ctx, step, vars))
		if ctx.Err() != nil {
			return
		}
		if isDeath(err) { // there is nobody left to ask
			x.checks.err = both(x.checks.err, after(sentence(when), err))
			break
		}
		if err != nil {
			x.checks.err = both(x.checks.err, blame(when, name, err))
		}
	}
	x.checks.asked = append(x.checks.asked, when)
	x.checks.took += time.Since(began)
}

func blame(when, name string, err error) error {
	if faultIn(err) != nil {
		return after(fmt.Sprintf("%s: %s", sentence(when), name), err)
	}
	return fmt.Errorf("%s: cannot do %s: %w", when, name, err)
}

// concludeChecks reports them.
func (x *exam) concludeChecks(ctx context.Context) {
	if ctx.Err() != nil {
		if x.checks.started {
			x.record(run.StageChecks, x.checks.took, judge(ctx, nil))
		}
		return
	}
	if len(x.checks.asked) == 0 {
		x.record(run.StageChecks, 0, answer{outcome: run.Blocked, note: "the app never came up far enough to be checked: " + x.firstTrouble()})
		return
	}
	a := judge(ctx, x.checks.err)
	if a.outcome == run.Passed {
		a.note = "asked " + strings.Join(x.checks.asked, ", ")
	}
	x.record(run.StageChecks, x.checks.took, a)
}

func (x *exam) firstTrouble() string {
	for _, s := range []run.Stage{run.StagePolicy, run.StageUpgrade, run.StageInstall} {
		if a, ok := x.answers[s]; ok && a.outcome != run.Passed {
			return fmt.Sprintf("%s %s", s, x.short(s))
		}
	}
	return "nothing was installed"
}

func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
