package stage

import (
	"cmp"
	"slices"

	"seatrial/harness/app"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// Reasons for which a stage does not apply.
const (
	noRelease   = "no published release to upgrade from"
	sameContent = "nothing to upgrade: the head has the same content as the published release "
	noBackup    = "there is nothing to restore from: backup does not apply"
	noChecks    = "the enrolment has no checks of its own"
)

// Facts are what a plan depends on.
type Facts struct {
	Head      app.Release
	Previous  *app.Release // the published release to upgrade from; nil for none
	Enrolment recipes.Enrolment
	Only      run.Stage // ask this one alone, and do what it needs

	NoPrevious string // why there is no Previous, where there is more to say than that
	Unknown    bool   // whether there is a Previous could not be found out
}

// Step is one question on the way, and what is done before it can be asked.
type Step struct {
	Stage  run.Stage
	Silent bool // done because a later question needs it; not reported
	Fresh  bool // everything is destroyed first
	Again  bool // the head is installed once more first, where nothing is
	Plant  bool // canaries are planted as soon as the app is healthy
}

// Plan is what will be asked, in which order.
type Plan struct {
	Stages  []run.Stage          // what is reported, in the report's order
	Skipped map[run.Stage]string // those of Stages that do not apply, and why
	Unknown bool                 // whether upgrade, which is among them, applies could not be found out
	Route   []Step               // the way through the questions
	Detour  []Step               // the way after an upgrade that did not pass: as without a release
}

// Asks says whether the stage is asked and reported.
func (p Plan) Asks(s run.Stage) bool {
	_, skipped := p.Skipped[s]
	return slices.Contains(p.Stages, s) && !skipped
}

// NewPlan makes the plan.
func NewPlan(f Facts) Plan {
	p := Plan{Skipped: map[run.Stage]string{}}
	for _, s := range run.Stages() {
		if !f.reports(s) {
			continue
		}
		p.Stages = append(p.Stages, s)
		if why := f.skips(s); why != "" {
			p.Skipped[s] = why
			p.Unknown = p.Unknown || s == run.StageUpgrade && f.Unknown && why == f.NoPrevious
		}
	}
	if f.Only != "" {
		p.Route = only(f.Only)
		if _, skipped := p.Skipped[f.Only]; skipped {
			p.Route = nil
		}
		return p
	}
	without := p.drop(withoutRelease())
	if _, skipped := p.Skipped[run.StageUpgrade]; skipped {
		p.Route = without
		return p
	}
	p.Route, p.Detour = p.drop(withRelease()), without
	p.Detour[0].Fresh = true
	return p
}

// withRelease and withoutRelease deploy from nothing twice each.
func withRelease() []Step {
	return []Step{
		{Stage: run.StageUpgrade, Plant: true},
		{Stage: run.StageRestart},
		{Stage: run.StageBackup},
		{Stage: run.StageInstall, Fresh: true},
		{Stage: run.StageRestore},
	}
}

func withoutRelease() []Step {
	return []Step{
		{Stage: run.StageInstall, Plant: true},
		{Stage: run.StageRestart},
		{Stage: run.StageBackup},
		{Stage: run.StageRestore, Fresh: true, Again: true},
	}
}

// only is the shortest way to one question.
func only(s run.Stage) []Step {
	install := Step{Stage: run.StageInstall, Plant: true, Silent: true}
	switch s {
	case run.StageUpgrade:
		return []Step{{Stage: s, Plant: true}}
	case run.StageInstall:
		return []Step{{Stage: s}}
	case run.StageRestart, run.StageBackup:
		return []Step{install, {Stage: s}}
	case run.StageRestore:
		return []Step{install, {Stage: run.StageBackup, Silent: true}, {Stage: s, Fresh: true, Again: true}}
	case run.StageChecks:
		return []Step{{Stage: run.StageInstall, Silent: true}}
	default:
		return nil // policy and lint need no app
	}
}

// drop leaves out what does not apply. An install is done all the same: the others need it.
func (p Plan) drop(way []Step) []Step {
	var rest []Step
	for _, step := range way {
		_, skipped := p.Skipped[step.Stage]
		switch {
		case skipped && step.Stage == run.StageInstall:
			step.Silent = true
		case skipped:
			continue
		}
		rest = append(rest, step)
	}
	return rest
}

func (f Facts) reports(s run.Stage) bool {
	if f.Only != "" {
		return s == run.StagePolicy || s == run.StageLint || s == f.Only
	}
	return s != run.StageChecks || len(f.Enrolment.Checks) > 0
}

func (f Facts) skips(s run.Stage) string {
	if s == run.StagePolicy {
		return "" // the operator's own question always applies
	}
	if why, ok := f.Enrolment.ExpectNA[string(s)]; ok {
		return cmp.Or(why, "the enrolment says that it does not apply")
	}
	switch s {
	case run.StageUpgrade:
		switch {
		case f.Previous != nil:
		case f.NoPrevious == "":
			return noRelease
		case f.Unknown:
			return f.NoPrevious
		default:
			return noRelease + ": " + f.NoPrevious
		}
		if f.Head.Tree != "" && f.Previous.Tree == f.Head.Tree {
			return sameContent + f.Previous.Name
		}
	case run.StageRestore:
		if _, ok := f.Enrolment.ExpectNA[string(run.StageBackup)]; ok {
			return noBackup
		}
	case run.StageChecks:
		if len(f.Enrolment.Checks) == 0 {
			return noChecks
		}
	}
	return ""
}
