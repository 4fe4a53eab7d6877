package journal

import (
	"encoding/json"
	"errors"
	"fmt"

	"seatrial/harness/run"
)

// DefaultLimit is how many runs a filter without a limit selects.
const DefaultLimit = 100

// ErrUnfit is matched by the error for an event that no journal takes: it lacks
// a part of its key, or its data cannot be folded into a report. Trying again
// does not help.
var ErrUnfit = errors.New("not fit for the journal")

// Fit returns the event as the journal will give it back (times in UTC, text in
// UTF-8, data its own), or the error for one that may not be appended. An event
// that would keep its run's report from being made must not get in: nothing ever
// gets out again.
func Fit(e run.Event) (run.Event, error) {
	why := ""
	switch {
	case e.Run == "":
		why = "it names no run"
	case e.Source != run.Harness && e.Source != run.Bridge:
		why = fmt.Sprintf("its source is %q", e.Source)
	case e.Kind == "":
		why = "it has no kind"
	case e.Attempt < 0:
		why = fmt.Sprintf("its attempt is %d", e.Attempt)
	case e.Seq < 0 || e.Seq == 0 && e.Source == run.Harness:
		why = fmt.Sprintf("its sequence number is %d", e.Seq)
	}
	if why != "" {
		return run.Event{}, Unfit(e, why)
	}
	e.At = e.At.Round(0).UTC()
	raw, err := json.Marshal(e)
	if err != nil {
		return run.Event{}, Unfit(e, err)
	}
	var fit run.Event
	if err := json.Unmarshal(raw, &fit); err != nil {
		return run.Event{}, Unfit(e, err)
	}
	return fit, nil
}

// Unfit is the error for an event that cannot be appended, and why.
func Unfit(e run.Event, why any) error {
	return fmt.Errorf("event %s/%d/%s/%d (%s) is %w: %v", e.Run, e.Attempt, e.Source, e.Seq, e.Kind, ErrUnfit, why)
}

// Match says whether the filter selects the run. Limit is not its business.
func (f Filter) Match(r *run.Report) bool {
	code, ended := r.Request.Code, r.State == run.Ended
	tree := ""
	if r.Plan != nil {
		tree = r.Plan.Tree
	}
	return matches(f.Recipe, r.Request.Recipe) &&
		matches(f.Forge, code.Forge) &&
		matches(f.Repo, code.Repo) &&
		matches(f.Pull, code.Pull) &&
		matches(f.Commit, code.Commit) &&
		matches(f.Asker, r.Request.AskedBy.ID) &&
		matches(f.Tree, tree) &&
		(!f.Open || !ended) &&
		(!f.Ended || ended) &&
		!r.QueuedAt.Before(f.Since) &&
		(f.Before == "" || r.Request.ID < f.Before)
}

// Max is how many runs the filter wants at most.
func (f Filter) Max() int {
	if f.Limit > 0 {
		return f.Limit
	}
	return DefaultLimit
}

func matches[T comparable](want, have T) bool {
	var any T
	return want == any || want == have
}
