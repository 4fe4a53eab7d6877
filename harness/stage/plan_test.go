package stage

import (
	"fmt"
	"strings"
	"testing"

	"seatrial/harness/app"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// way writes a route so that it can be read.
func way(steps []Step) string {
	var words []string
	for _, s := range steps {
		word := string(s.Stage)
		if s.Fresh {
			word = "destroy " + word
		}
		if s.Again {
			word += "(again)"
		}
		if s.Plant {
			word += "+canaries"
		}
		if s.Silent {
			word = "[" + word + "]"
		}
		words = append(words, word)
	}
	return strings.Join(words, " > ")
}

func TestPlan(t *testing.T) {
	checks := []recipes.Step{{Name: "c"}}
	sameTree := app.Release{Name: "1.0.0", Tree: head.Tree}
	const (
		with    = "upgrade+canaries > restart > backup > destroy install > restore"
		without = "install+canaries > restart > backup > destroy restore(again)"
		detour  = "destroy install+canaries > restart > backup > destroy restore(again)"
	)
	for _, c := range []struct {
		name          string
		previous      *app.Release
		checks        []recipes.Step
		only          run.Stage
		na            map[string]string
		stages        string
		noPrevious    string
		unknown       bool
		unverified    bool
		skipped       string
		route, detour string
	}{
		{name: "with a release", previous: &previous, checks: checks,
			stages: "policy lint upgrade restart backup install restore checks", route: with, detour: detour},
		{name: "without checks", previous: &previous,
			stages: "policy lint upgrade restart backup install restore", route: with, detour: detour},
		{name: "without a release", checks: checks,
			stages: "policy lint upgrade restart backup install restore checks", skipped: "upgrade: no published release to upgrade from", route: without},
		{name: "tags that were passed over", noPrevious: "there is no version in nightly",
			stages: "policy lint upgrade restart backup install restore", skipped: "upgrade: no published release to upgrade from: there is no version in nightly", route: without},
		{name: "a history that is cut off", noPrevious: "the clone is shallow", unknown: true, unverified: true,
			stages: "policy lint upgrade restart backup install restore", skipped: "upgrade: the clone is shallow", route: without},
		{name: "a history that is cut off, and no upgrade", noPrevious: "the clone is shallow", unknown: true, na: map[string]string{"upgrade": "stateless"},
			stages: "policy lint upgrade restart backup install restore", skipped: "upgrade: stateless", route: without},
		{name: "same content", previous: &sameTree,
			stages: "policy lint upgrade restart backup install restore", skipped: "upgrade: nothing to upgrade: the head has the same content as the published release 1.0.0", route: without},
		{name: "upgrade does not apply", previous: &previous, na: map[string]string{"upgrade": "stateless"},
			stages: "policy lint upgrade restart backup install restore", skipped: "upgrade: stateless", route: without},
		{name: "backup does not apply", previous: &previous, na: map[string]string{"backup": "no data"},
			stages: "policy lint upgrade restart backup install restore", skipped: "backup: no data; restore: there is nothing to restore from: backup does not apply",
			route: "upgrade+canaries > restart > destroy install", detour: "destroy install+canaries > restart"},
		{name: "install does not apply but is needed", na: map[string]string{"install": "it is odd"},
			stages: "policy lint upgrade restart backup install restore", skipped: "upgrade: no published release to upgrade from; install: it is odd",
			route: "[install+canaries] > restart > backup > destroy restore(again)"},
		{name: "policy always applies", na: map[string]string{"policy": "please", "lint": "no files"},
			stages: "policy lint upgrade restart backup install restore", skipped: "lint: no files; upgrade: no published release to upgrade from", route: without},
		{name: "only policy", previous: &previous, only: run.StagePolicy, stages: "policy lint"},
		{name: "only lint", previous: &previous, only: run.StageLint, stages: "policy lint"},
		{name: "only upgrade", previous: &previous, checks: checks, only: run.StageUpgrade, stages: "policy lint upgrade", route: "upgrade+canaries"},
		{name: "only upgrade, no release", only: run.StageUpgrade, stages: "policy lint upgrade", skipped: "upgrade: no published release to upgrade from"},
		{name: "only install", previous: &previous, only: run.StageInstall, stages: "policy lint install", route: "install"},
		{name: "only restart", previous: &previous, only: run.StageRestart, stages: "policy lint restart", route: "[install+canaries] > restart"},
		{name: "only backup", only: run.StageBackup, stages: "policy lint backup", route: "[install+canaries] > backup"},
		{name: "only restore", only: run.StageRestore, stages: "policy lint restore", route: "[install+canaries] > [backup] > destroy restore(again)"},
		{name: "only checks", only: run.StageChecks, checks: checks, stages: "policy lint checks", route: "[install]"},
		{name: "only checks, none", only: run.StageChecks, stages: "policy lint checks", skipped: "checks: the enrolment has no checks of its own"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := NewPlan(Facts{Head: head, Previous: c.previous, NoPrevious: c.noPrevious, Unknown: c.unknown, Only: c.only, Enrolment: recipes.Enrolment{Checks: c.checks, ExpectNA: c.na}})
			if p.Unknown != c.unverified {
				t.Errorf("upgrade is left open: %v", p.Unknown)
			}
			var stages, skipped []string
			for _, s := range p.Stages {
				stages = append(stages, string(s))
				if why, ok := p.Skipped[s]; ok {
					skipped = append(skipped, fmt.Sprintf("%s: %s", s, why))
				}
			}
			for _, line := range [][3]string{
				{"stages", strings.Join(stages, " "), c.stages}, {"skipped", strings.Join(skipped, "; "), c.skipped},
				{"route", way(p.Route), c.route}, {"detour", way(p.Detour), c.detour},
			} {
				if line[1] != line[2] {
					t.Errorf("%s:\n got %s\nwant %s", line[0], line[1], line[2])
				}
			}
		})
	}
}
