package run

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// answers builds an ended run from outcomes; the plan has every stage that has one.
func answers(o map[Stage]Outcome, change ...func(*Report)) *Report {
	r := &Report{State: Ended, TornDown: true, Plan: &Plan{}}
	for _, s := range Stages() {
		if outcome, ok := o[s]; ok {
			r.Plan.Stages = append(r.Plan.Stages, s)
			r.Stages = append(r.Stages, StageReport{Stage: s, Outcome: outcome})
		}
	}
	for _, c := range change {
		c(r)
	}
	return r
}

func all(o Outcome, except map[Stage]Outcome) map[Stage]Outcome {
	m := map[Stage]Outcome{}
	for _, s := range Stages() {
		m[s] = o
	}
	for s, outcome := range except {
		if outcome == "" {
			delete(m, s)
		} else {
			m[s] = outcome
		}
	}
	return m
}

func TestVerdictAndLevel(t *testing.T) {
	warned := func(r *Report) { r.Findings = []Finding{{Severity: SeverityWarning}} }
	noted := func(r *Report) { r.Findings = []Finding{{Severity: SeverityNote}} }
	left := func(r *Report) { r.Leftovers = []Leftover{{Kind: "folder"}} }
	unseen := func(r *Report) { r.TornDown = false }
	late := func(r *Report) { r.Ending = EndOutOfTime }
	for _, c := range []struct {
		name    string
		report  *Report
		verdict Verdict
		level   int
	}{
		{"everything passed", answers(all(Passed, nil)), VerdictPass, 5},
		{"a note keeps nothing back", answers(all(Passed, nil), noted), VerdictPass, 5},
		{"a warning keeps level 5 back", answers(all(Passed, nil), warned), VerdictPass, 4},
		{"no checks of its own", answers(all(Passed, map[Stage]Outcome{StageChecks: ""})), VerdictPass, 3},
		{"no release yet", answers(all(Passed, map[Stage]Outcome{StageUpgrade: Skipped})), VerdictPass, 5},
		{"no release, no checks", answers(all(Passed, map[Stage]Outcome{StageUpgrade: Skipped, StageChecks: ""})), VerdictPass, 3},
		{"what does not apply raises nothing", answers(map[Stage]Outcome{StageInstall: Passed, StageRestart: Passed, StageUpgrade: Skipped}), VerdictPass, 1},
		{"nothing but skipped", answers(all(Skipped, nil)), VerdictUnverified, 0},
		{"upgrade failed", answers(all(Passed, map[Stage]Outcome{StageUpgrade: Failed})), VerdictFail, 1},
		{"upgrade unverified", answers(all(Passed, map[Stage]Outcome{StageUpgrade: Unverified})), VerdictUnverified, 1},
		{"backup failed, restore blocked", answers(all(Passed, map[Stage]Outcome{StageBackup: Failed, StageRestore: Blocked})), VerdictFail, 2},
		{"install failed", answers(all(Passed, map[Stage]Outcome{StageInstall: Failed})), VerdictFail, 0},
		{"data lost over a restart", answers(all(Passed, map[Stage]Outcome{StageRestart: Failed})), VerdictFail, 0},
		{"checks failed", answers(all(Passed, map[Stage]Outcome{StageChecks: Failed})), VerdictFail, 3},
		{"policy failed, all else blocked", answers(all(Blocked, map[Stage]Outcome{StagePolicy: Failed, StageLint: Passed})), VerdictFail, 0},
		{"leftovers", answers(all(Passed, nil), left), VerdictUnverified, 5},
		{"nobody looked after the teardown", answers(all(Passed, nil), unseen), VerdictUnverified, 5},
		{"a fault and leftovers", answers(all(Passed, map[Stage]Outcome{StageLint: Failed}), left), VerdictFail, 4},
		{"out of time", answers(all(Passed, nil), late), VerdictUnverified, 5},
		{"a fault, then out of time", answers(map[Stage]Outcome{StageInstall: Failed}, late), VerdictFail, 0},
		{"a stage without an answer", answers(all(Passed, nil), func(r *Report) { r.Stages[3].Outcome = "" }), VerdictUnverified, 0},
		{"no plan", &Report{State: Ended, TornDown: true}, VerdictUnverified, 0},
		{"not ended", answers(all(Passed, nil), func(r *Report) { r.State = TearingDown }), VerdictPending, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.report.Verdict(); got != c.verdict {
				t.Errorf("verdict %s, want %s", got, c.verdict)
			}
			if got := c.report.Level(); got != c.level {
				t.Errorf("level %d, want %d", got, c.level)
			}
			// Where nothing applied, nothing stands in the way either.
			if raise := c.report.WouldRaise(); (raise == "") != (c.level == MaxLevel) && c.name != "nothing but skipped" {
				t.Errorf("level %d, and what would raise it is %q", c.level, raise)
			}
		})
	}
}

// rank orders verdicts by how much they say for the recipe.
var rank = []Verdict{VerdictFail, VerdictUnverified, VerdictPass}

func drawOutcomes(t *rapid.T) map[Stage]Outcome {
	o := map[Stage]Outcome{}
	for _, s := range Stages() {
		if outcome := rapid.SampledFrom([]Outcome{"", Passed, Failed, Skipped, Blocked, Unverified}).Draw(t, string(s)); outcome != "" {
			o[s] = outcome
		}
	}
	return o
}

// A fault more, an open question more or something left over never makes the
// recipe look better.
func TestBadNewsNeverRaises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawOutcomes(t)
		before := answers(o)
		stage := rapid.SampledFrom(Stages()).Draw(t, "stage")
		if _, planned := o[stage]; !planned {
			return
		}
		o[stage] = rapid.SampledFrom([]Outcome{Failed, Blocked, Unverified}).Draw(t, "news")
		if before.Outcome(stage) == Failed {
			o[stage] = Failed // a proven fault does not become an open question
		}
		after := answers(o)
		if rapid.Bool().Draw(t, "leftover") {
			after.Leftovers = []Leftover{{Kind: "process"}}
		}
		if rapid.Bool().Draw(t, "interrupted") {
			after.Ending = EndOutOfTime
		}
		if after.Level() > before.Level() {
			t.Fatalf("%s %s raised the level from %d to %d", stage, o[stage], before.Level(), after.Level())
		}
		if slices.Index(rank, after.Verdict()) > slices.Index(rank, before.Verdict()) {
			t.Fatalf("%s %s raised the verdict from %s to %s", stage, o[stage], before.Verdict(), after.Verdict())
		}
	})
}

// A level counts nothing that was not passed, and skips nothing that was asked.
func TestALevelIsProven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := answers(drawOutcomes(t))
		level := r.Level()
		for i, stages := range rungs[:level] {
			for _, s := range stages {
				if o := r.Outcome(s); o != Passed && o != Skipped {
					t.Fatalf("level %d, although %s of rung %d is %q", level, s, i+1, o)
				}
			}
		}
		if level > 0 && r.rung(level-1) != Passed {
			t.Fatalf("level %d stands on a rung that was not passed", level)
		}
		if r.Verdict() == VerdictPass {
			for _, s := range r.Plan.Stages {
				if o := r.Outcome(s); o != Passed && o != Skipped {
					t.Fatalf("a pass, although %s is %q", s, o)
				}
			}
		}
	})
}

// What is applied to a clone does not show in the original.
func TestCloneIsIndependent(t *testing.T) {
	s := new(script).asked().dispatched(1).planned(StageInstall)
	r := fold(t, s)
	c := r.Clone()
	s.answered(StageInstall, Passed, nil)
	for _, e := range s.events[len(s.events)-2:] {
		if err := c.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	if r.Outcome(StageInstall) != "" || c.Outcome(StageInstall) != Passed {
		t.Errorf("the clone changed the original, or not itself: %q, %q", r.Outcome(StageInstall), c.Outcome(StageInstall))
	}
}
