package run

// Verdict is the answer to "should I merge this?". It is computed, never stored.
type Verdict string

// The verdicts.
const (
	VerdictPending    Verdict = "pending"
	VerdictPass       Verdict = "pass"
	VerdictFail       Verdict = "fail"
	VerdictUnverified Verdict = "unverified"
)

// Verdict computes the run's verdict.
//
// A proven fault is a fail even where other questions stayed open. A pass takes
// an ended run in which every planned stage passed or did not apply, and a
// teardown that was looked at and left nothing. Everything else is unverified.
func (r *Report) Verdict() Verdict {
	if r.State != Ended {
		return VerdictPending
	}
	if _, fault := r.Fault(); fault != nil {
		return VerdictFail
	}
	if r.Ending != EndedNormally || r.Plan == nil || len(r.Plan.Stages) == 0 {
		return VerdictUnverified
	}
	passed := 0
	for _, stage := range r.Plan.Stages {
		switch r.Outcome(stage) {
		case Passed:
			passed++
		case Skipped:
		default:
			return VerdictUnverified
		}
	}
	if passed == 0 || !r.TornDown || len(r.Leftovers) > 0 {
		return VerdictUnverified
	}
	return VerdictPass
}

// Word is the answer in one word: how far the run has come while there is no
// verdict, and why it ended where that says more than "unverified". A fault that was
// proven before a run was cancelled stays a fail.
func (r *Report) Word() string {
	switch v := r.Verdict(); {
	case v == VerdictPending:
		return string(r.State)
	case v == VerdictUnverified && (r.Ending == EndCancelled || r.Ending == EndSuperseded):
		return string(r.Ending)
	default:
		return string(v)
	}
}

// MaxLevel is the highest level.
const MaxLevel = 5

// rungs are the stages that each level asks for, from level 1 up.
var rungs = [MaxLevel][]Stage{
	{StageInstall, StageRestart},
	{StageUpgrade},
	{StageBackup, StageRestore},
	{StageChecks},
	{StageLint},
}

// rungWants says, in words that finish "would raise it", what each level asks for.
var rungWants = [MaxLevel]string{
	"that it installs, and keeps its data over a restart",
	"an upgrade from the last release that keeps the data",
	"a backup from which it comes back after everything was destroyed",
	"checks of its own in the enrolment, and that they pass",
	"no errors and no warnings from lint",
}

// Level is the highest rung that was passed, with every rung below it passed or
// not applicable. What was not asked, blocked or left unverified caps it.
func (r *Report) Level() int {
	level := 0
	for i := range rungs {
		switch r.rung(i) {
		case Passed:
			level = i + 1
		case Skipped:
		default:
			return level
		}
	}
	return level
}

// WouldRaise says what stands between the run's level and the next one that it
// could reach; empty at the top.
func (r *Report) WouldRaise() string {
	for i := range rungs {
		outcome := r.rung(i)
		if outcome == Passed || outcome == Skipped {
			continue
		}
		return rungWants[i]
	}
	return ""
}

// rung is Passed when all of its stages passed, Skipped when none failed and at
// least one did not apply, and otherwise whatever stood in the way.
func (r *Report) rung(i int) Outcome {
	outcome := Passed
	for _, stage := range rungs[i] {
		switch o := r.Outcome(stage); o {
		case Passed:
			if stage == StageLint && r.warned() {
				return Failed
			}
		case Skipped:
			outcome = Skipped
		case "":
			return Unverified
		default:
			return o
		}
	}
	return outcome
}

func (r *Report) warned() bool {
	for _, f := range r.Findings {
		if f.Severity != SeverityNote {
			return true
		}
	}
	return false
}
