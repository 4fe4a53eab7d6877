package stage

import (
	"context"
	"fmt"

	"seatrial/harness/failpoint"
	"seatrial/harness/run"
)

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
