package stage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/run"
)

// answer is what came of one question.
type answer struct {
	outcome run.Outcome
	note    string
	fault   *run.Fault
}

func (a answer) String() string {
	switch {
	case a.fault != nil:
		return fmt.Sprintf("%s: %s", a.outcome, a.fault.Summary)
	case a.note != "":
		return fmt.Sprintf("%s: %s", a.outcome, a.note)
	default:
		return string(a.outcome)
	}
}

// unproven is an answer of its own: neither a pass nor a fault of what is tested.
type unproven struct{ why string }

func (u unproven) Error() string { return u.why }

// judge turns what a stage returned into an answer. What came while the run was
// being cancelled proves nothing: a killed build looks like a broken one.
func judge(ctx context.Context, err error) answer {
	if ctx.Err() != nil {
		return answer{outcome: run.Unverified, note: "stopped: " + context.Cause(ctx).Error()}
	}
	if err == nil {
		return answer{outcome: run.Passed}
	}
	if f := faultIn(err); f != nil {
		return answer{outcome: run.Failed, note: f.Summary, fault: f}
	}
	return answer{outcome: run.Unverified, note: err.Error()}
}

// excused keeps the recipe from being blamed for what its platform did.
func (x *exam) excused(since time.Time, err error) error {
	w, ok := x.App.(app.Witness)
	f := faultIn(err)
	if !ok || f == nil {
		return err
	}
	if why := w.Trouble(since); why != "" {
		return unproven{fmt.Sprintf("%s, so this proves nothing: %s", why, f.Summary)}
	}
	return err
}

func faultIn(err error) *run.Fault {
	if f, ok := errors.AsType[*run.Fault](err); ok {
		return f
	}
	return nil
}

// both joins what two looks at the same thing found. The first fault leads, and
// the second one is told as evidence; a fault counts more than an error of ours,
// because it is proven.
func both(first, second error) error {
	if first == nil {
		return second
	}
	if second == nil {
		return first
	}
	a, b := faultIn(first), faultIn(second)
	switch {
	case a == nil && b == nil:
		return fmt.Errorf("%w; also: %w", first, second)
	case a == nil:
		return b
	case b == nil:
		return a
	}
	joined := *a
	joined.Evidence = append(append([]string{}, a.Evidence...), "Also: "+b.Summary)
	joined.Evidence = append(joined.Evidence, b.Evidence...)
	return &joined
}

// after says when a fault was seen; other errors stay as they are.
func after(when string, err error) error {
	f := faultIn(err)
	if f == nil {
		return err
	}
	told := *f
	told.Summary = when + ": " + f.Summary
	return &told
}

// faultText is a fault as one warning.
func faultText(f *run.Fault) string {
	return strings.Join(append([]string{f.Summary}, f.Evidence...), "\n")
}
