package announce

import (
	"strings"

	"seatrial/harness/run"
)

// comparison says what differs from the default branch: whoever decides about a merge
// wants to know which faults are new. Where nothing differs it says nothing.
func comparison(r run.Report, c Context) string {
	if r.State != run.Ended || c.Base == nil || c.Base.Request.ID == r.Request.ID {
		return ""
	}
	var broken, still, fixed []string
	for _, s := range r.Stages {
		before := c.Base.Outcome(s.Stage)
		name := code(string(s.Stage), 40)
		switch {
		case s.Outcome == run.Failed && before == run.Passed:
			broken = append(broken, name)
		case s.Outcome == run.Failed && before == run.Failed:
			still = append(still, name)
		case s.Outcome == run.Passed && before == run.Failed:
			fixed = append(fixed, name)
		}
	}
	var parts []string
	for _, group := range []struct {
		word   string
		stages []string
	}{{"newly failing", broken}, {"still failing", still}, {"newly fixed", fixed}} {
		if len(group.stages) > 0 {
			parts = append(parts, group.word+": "+strings.Join(group.stages, ", "))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	base := "the default branch"
	if page := c.runPage(c.Base.Request.ID); page != "" {
		base = "[" + base + "](" + page + ")"
	}
	return "Compared with " + base + ", " + strings.Join(parts, "; ") + "."
}
