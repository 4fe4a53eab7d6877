package page

import (
	"seatrial/harness/run"
)

// sign is an answer as a page shows it: a word, a character and a colour, so that
// none of the three has to carry it alone.
type sign struct {
	Word  string
	Mark  string
	Class string
}

var (
	outcomeSigns = map[run.Outcome]sign{
		run.Passed:     {"passed", "✓", "pass"},
		run.Failed:     {"failed", "✗", "fail"},
		run.Skipped:    {"not applicable", "–", "quiet"},
		run.Blocked:    {"blocked", "⊘", "unsure"},
		run.Unverified: {"unverified", "?", "unsure"},
	}
	verdictSigns = map[run.Verdict]sign{
		run.VerdictPass:       {"pass", "✓", "pass"},
		run.VerdictFail:       {"fail", "✗", "fail"},
		run.VerdictUnverified: {"unverified", "?", "unsure"},
	}
	stateSigns = map[run.State]sign{
		run.Waiting:     {"waiting", "…", "busy"},
		run.Starting:    {"starting", "▸", "busy"},
		run.Running:     {"running", "▸", "busy"},
		run.TearingDown: {"tearing down", "▸", "busy"},
	}
	endingSigns = map[run.Ending]sign{
		run.EndCancelled:  {"cancelled", "■", "quiet"},
		run.EndSuperseded: {"superseded", "»", "quiet"},
	}
)

// verdictSign is the answer in one word: a state while there is no verdict.
func verdictSign(r run.Report) sign {
	v := r.Verdict()
	if v == run.VerdictPending {
		if s, ok := stateSigns[r.State]; ok {
			return s
		}
		return sign{"pending", "…", "busy"}
	}
	if s, ok := endingSigns[r.Ending]; ok && v == run.VerdictUnverified {
		return s
	}
	return verdictSigns[v]
}

// stageSign is the answer to one stage's question, as far as it is known.
func stageSign(r run.Report, s run.StageReport) sign {
	if known, ok := outcomeSigns[s.Outcome]; ok {
		return known
	}
	switch {
	case r.State == run.Ended || r.State == run.TearingDown:
		return sign{"not asked", "·", "quiet"}
	case s.Stage != r.Current():
		return sign{"to come", "·", "quiet"}
	}
	return sign{"now", "▸", "busy"}
}

// questions say what each stage asks.
var questions = map[run.Stage]string{
	run.StagePolicy:  "Does it ask only for what is allowed?",
	run.StageLint:    "What can be said without deploying it?",
	run.StageUpgrade: "Does the last release become this head, with its data?",
	run.StageRestart: "Does it stop when asked, and come back with its data?",
	run.StageBackup:  "Can it be backed up?",
	run.StageInstall: "Does it install from nothing?",
	run.StageRestore: "Does it come back from the backup?",
	run.StageChecks:  "Do its own checks pass?",
}

var levelWords = [run.MaxLevel + 1]string{
	"does not install, or loses its data over a restart",
	"installs and keeps its data over a restart",
	"upgrades from the last release with its data",
	"comes back from a backup after everything was destroyed",
	"its own checks pass",
	"lint is clean as well",
}

// level is a run's level as a page shows it; the zero value for a run that has none.
type level struct {
	Known bool
	N     int
	Words string
	Raise string
	Rungs [run.MaxLevel]bool
}

// Max is the highest level.
func (level) Max() int { return run.MaxLevel }

// levelOf tells the level only of runs that answered: a level must not look like
// one where nothing was proven.
func levelOf(r run.Report) level {
	v := r.Verdict()
	if v != run.VerdictPass && v != run.VerdictFail || r.Plan == nil || r.Request.Only != "" {
		return level{}
	}
	l := level{Known: true, N: r.Level(), Raise: r.WouldRaise()}
	l.Words = levelWords[l.N]
	for i := range l.Rungs {
		l.Rungs[i] = i < l.N
	}
	return l
}

// endingWords say what happened to a run that did not answer everything.
var endingWords = map[run.Ending]string{
	run.EndCancelled:  "It was cancelled. What it had deployed was removed.",
	run.EndSuperseded: "A newer request for the same pull request took its place before it had a slot.",
	run.EndOutOfTime:  "It ran out of time. That is not held against the recipe; the enrolment may raise timeouts.limit.",
	run.EndSilent:     "Nothing happened for too long, so it was stopped. That is not held against the recipe; the enrolment may raise timeouts.silence.",
	run.EndLost:       "Its executor was lost before it could answer. That is not the recipe's fault.",
	run.EndNotFetched: "The recipe's code could not be fetched. That is not the recipe's fault.",
	run.EndOurFault:   "Something went wrong on our side. That is not the recipe's fault.",
}
