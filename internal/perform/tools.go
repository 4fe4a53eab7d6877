package perform

import (
	"context"
	"fmt"
	"net/url"

	"seatrial/harness"
	"seatrial/harness/app"
	"seatrial/harness/app/swarm"
	"seatrial/harness/canary"
	"seatrial/harness/check"
	"seatrial/harness/run"
	"seatrial/harness/stage"
	"seatrial/recipes"
	"seatrial/recipes/compose"
)

// tools are what the stages look at an app with.
func (p *Performer) tools(b harness.Bench) stage.Tools {
	return stage.Tools{
		Canaries: seeder{canary.Seeder{
			App: b.App, Ignore: b.Enrolment.Canaries.Ignore, NoTable: b.Enrolment.Canaries.Tables == recipes.TablesOff, Held: map[string]bool{},
		}},
		Steps:  &check.Runner{BaseURL: b.BaseURL, Client: b.Client, Exec: b.App},
		Lint:   func(ctx context.Context) ([]run.Finding, error) { return p.lint(ctx, b) },
		Policy: swarmPolicy(b),
	}
}

// seeder lets the stages plant canaries.
type seeder struct{ canary.Seeder }

func (s seeder) Seed(ctx context.Context, alone bool) (stage.Marks, error) {
	s.Alone = alone
	set, err := s.Seeder.Seed(ctx)
	if err != nil {
		return nil, err
	}
	return set, nil
}

// swarmPolicy holds a Co-op Cloud recipe against the operator's policy. Every release
// that will be deployed is asked.
func swarmPolicy(b harness.Bench) func(context.Context) ([]string, error) {
	if b.Enrolment.Target != recipes.TargetSwarm {
		return nil
	}
	label := b.Request.ID.Label(b.Request.Recipe)
	return func(ctx context.Context) ([]string, error) {
		releases := []app.Release{b.Fetched.Head}
		if b.Fetched.Previous != nil {
			releases = append(releases, *b.Fetched.Previous)
		}
		var lines []string
		for i, r := range releases {
			env := []map[string]string{b.Enrolment.Env}
			if i == 0 {
				env = append(env, b.Enrolment.UpgradeEnv)
			}
			recipe, err := compose.Read(ctx, r.Dir, swarm.ReadOptions(label, hostOf(b.BaseURL), env...))
			if err != nil && i > 0 {
				continue // a published release that cannot be read is the upgrade's question
			}
			if err != nil {
				return nil, swarm.Blame(r.Name, err)
			}
			for _, d := range recipe.Policy(b.Enrolment.Allow) {
				line := fmt.Sprintf("%s:%d: %s", d.Place.File, d.Place.Line, d.Text)
				if i > 0 {
					line = "in " + r.Name + ", " + line
				}
				lines = append(lines, line)
			}
		}
		return lines, nil
	}
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
