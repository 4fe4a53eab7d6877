package stage

import (
	"context"
	"fmt"
	"slices"

	"seatrial/harness/failpoint"
	"seatrial/harness/run"
)

// mostFindings is how many findings of one run are told.
const mostFindings = 200

// askLint asks: what can be said without deploying?
func (x *exam) askLint(ctx context.Context) error {
	x.say("reading the recipe")
	var findings []run.Finding
	err := within(ctx, lintLimit, "reading the recipe", func(ctx context.Context) (err error) {
		findings, err = x.Lint(ctx)
		return err
	})
	failpoint.Hit("harness:" + string(run.StageLint))
	if err != nil {
		return fmt.Errorf("cannot lint the recipe: %w", err)
	}
	// What decides comes first, and a recipe full of mistakes is not told to its end.
	slices.SortStableFunc(findings, func(a, b run.Finding) int { return grade(a) - grade(b) })
	if more := len(findings) - mostFindings; more > 0 {
		x.warn(fmt.Sprintf("%d more findings are not shown", more))
		findings = findings[:mostFindings]
	}
	var wrong []string
	for _, f := range findings {
		x.Events.Emit(run.Event{Kind: run.KindFinding, Stage: run.StageLint, Note: f.Text}.With(f))
		if f.Severity == run.SeverityError {
			wrong = append(wrong, place(f)+f.Text+" ("+f.ID+")")
		}
	}
	switch len(wrong) {
	case 0:
		return nil
	case 1:
		return &run.Fault{Summary: wrong[0]}
	default:
		return &run.Fault{Summary: fmt.Sprintf("%d things are surely wrong; the first: %s", len(wrong), wrong[0]), Evidence: wrong}
	}
}

// grade orders findings by what they mean for the recipe.
func grade(f run.Finding) int {
	return slices.Index([]run.Severity{run.SeverityError, run.SeverityWarning, run.SeverityNote}, f.Severity)
}

// place is where a finding lies, as editors understand it.
func place(f run.Finding) string {
	switch {
	case f.File == "":
		return ""
	case f.Line == 0:
		return f.File + ": "
	default:
		return fmt.Sprintf("%s:%d: ", f.File, f.Line)
	}
}
