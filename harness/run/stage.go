package run

// Stage is one question asked of the app.
type Stage string

// The stages, in the order in which a report lists them.
const (
	StagePolicy  Stage = "policy"  // does it ask for anything that the operator does not allow?
	StageLint    Stage = "lint"    // what can be said without deploying?
	StageUpgrade Stage = "upgrade" // does the last release become this head, with its data?
	StageRestart Stage = "restart" // does it stop when asked, and come back with its data?
	StageBackup  Stage = "backup"  // can it be backed up?
	StageInstall Stage = "install" // does the head install from nothing?
	StageRestore Stage = "restore" // does it come back from the backup?
	StageChecks  Stage = "checks"  // do the recipe's own checks pass, after each of the above?
)

// Stages lists every stage in order.
func Stages() []Stage {
	return []Stage{StagePolicy, StageLint, StageUpgrade, StageRestart, StageBackup, StageInstall, StageRestore, StageChecks}
}

// ParseStage finds a stage by name.
func ParseStage(s string) (Stage, bool) {
	for _, stage := range Stages() {
		if string(stage) == s {
			return stage, true
		}
	}
	return "", false
}

// Outcome is the answer to a stage's question.
type Outcome string

// The outcomes.
const (
	Passed     Outcome = "passed"
	Failed     Outcome = "failed"     // a fault of the recipe, with evidence
	Skipped    Outcome = "skipped"    // not applicable; the event's note says why
	Blocked    Outcome = "blocked"    // could not be asked because another stage failed
	Unverified Outcome = "unverified" // we could not find out; never the recipe's fault
)

// Fault is a defect of the recipe, with evidence. It travels as an error from
// the deployer to the stage that turns it into an outcome; any other error
// blames us.
type Fault struct {
	// Summary is one sentence for the person who maintains the recipe.
	Summary string `json:"summary"`
	// Evidence is what shows it: the last lines of a log, rows that vanished,
	// an answer that was not expected. Untrusted text: escape it where it is shown.
	Evidence []string `json:"evidence,omitempty"`
	// Hint says what to try next, where we know.
	Hint string `json:"hint,omitempty"`
}

func (f *Fault) Error() string { return f.Summary }

// OrNil keeps a nil fault from becoming an error that is not nil.
func (f *Fault) OrNil() error {
	if f == nil {
		return nil
	}
	return f
}

// Severity grades a finding.
type Severity string

// The severities. An error fails the lint stage, a warning keeps the recipe
// from level 5, a note does neither.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityNote    Severity = "note"
)

// Finding is something that can be said about a recipe, with its place.
type Finding struct {
	ID       string   `json:"id"` // stable, for example no-health-path; docs/reference/lint.md explains each
	Severity Severity `json:"severity"`
	File     string   `json:"file,omitempty"`
	Line     int      `json:"line,omitempty"`
	Text     string   `json:"text"`
}

// Leftover is an object that is still there after teardown.
type Leftover struct {
	Kind   string `json:"kind"` // process, folder, cgroup, mount, ...
	Name   string `json:"name"`
	Detail string `json:"detail,omitempty"`
}
