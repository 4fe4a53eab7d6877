package lint

import "seatrial/harness/run"

// enrolmentRules are about what the enrolment leaves open. None of it is wrong; it
// is what would make a verdict mean more.
func enrolmentRules() []rule {
	return []rule{
		{"no-health-path", run.SeverityWarning, noHealthPath},
		{"no-own-checks", run.SeverityNote, noOwnChecks},
		{"no-seed", run.SeverityNote, noSeed},
	}
}

func noHealthPath(r *recipe, say say) {
	if h := r.Enrolment.Health; (h.Path == "" || h.Path == "/") && h.Text == "" {
		say(r.enrolment, 0, "health.path is left at /, which many programs answer before they work: name a health page, or with health.text a word that the page must hold")
	}
}

func noOwnChecks(r *recipe, say say) {
	if len(r.Enrolment.Checks) == 0 {
		say(r.enrolment, 0, "there are no checks: the highest level without them is 3 of 5. Add steps under checks")
	}
}

func noSeed(r *recipe, say say) {
	if c := r.Enrolment.Canaries; len(c.Seed) == 0 || len(c.Expect) == 0 {
		say(r.enrolment, 0, "no data is put in through the app's own front door and found again: add steps under canaries.seed and canaries.expect")
	}
}
