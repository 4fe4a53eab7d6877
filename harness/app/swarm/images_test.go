package swarm

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/docker/cli/cli/compose/types"

	"seatrial/harness/app"
	"seatrial/recipes/compose"
)

func TestEveryImageThatCannotBeHadIsNamed(t *testing.T) {
	recipe := &compose.Recipe{Files: []string{"compose.yml"}, Services: []compose.Service{{Name: "app", Image: "x/app:1"}, {Name: "cache", Image: "x/cache:1"}, {Name: "db", Image: "x/db:1"}}}
	missing := errors.New("manifest unknown")
	err := each(t.Context(), recipe, func(s compose.Service) error {
		if s.Name == "cache" {
			return errors.New("connection refused")
		}
		return blamePull(recipe, s, missing)
	})
	f, ok := errors.AsType[*app.Fault](err)
	if !ok || !strings.Contains(f.Summary, "x/app:1") || !strings.Contains(f.Summary, "x/db:1") || len(f.Evidence) != 4 {
		t.Errorf("%v: %+v", err, f)
	}
	err = each(t.Context(), recipe, func(s compose.Service) error { return errors.New("no answer about " + s.Image) })
	if _, blamed := errors.AsType[*app.Fault](err); blamed || !strings.Contains(err.Error(), "x/app:1") || !strings.Contains(err.Error(), "x/db:1") {
		t.Errorf("%v", err)
	}
	if err := each(t.Context(), recipe, func(compose.Service) error { return nil }); err != nil {
		t.Error(err)
	}
}

// A container of the release before may still be there when strays are looked for.
func TestWhatTheSwarmLaidForAnotherReleaseIsNoStray(t *testing.T) {
	of := func(target string) *deployed {
		s := types.ServiceConfig{Name: "app", Configs: []types.ServiceConfigObjConfig{{Source: "conf", Target: target}}}
		return &deployed{recipe: &compose.Recipe{Config: &types.Config{Services: []types.ServiceConfig{s}}}}
	}
	a := &App{history: []*deployed{of("/etc/app.conf"), of("/etc/app.d/main.conf")}}
	if got := a.laid("app"); !slices.Equal(got, []string{"/etc/app.conf", "/etc/app.d/main.conf"}) {
		t.Errorf("laid: %q", got)
	}
}
