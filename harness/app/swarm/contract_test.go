package swarm

import (
	"strings"
	"testing"

	"seatrial/harness/app"
	"seatrial/harness/app/apptest"
)

func TestContract(t *testing.T) {
	e := need(t)
	apptest.Contract(t, func(t *testing.T) apptest.Fixture {
		a, _ := newApp(t, e)
		return apptest.Fixture{
			App: a, Volume: "data",
			One:      release(t, "1.0.0", composeOf("1.0.0", "cp ./guest /data/server; exec ./guest serve")),
			Two:      release(t, "2.0.0", composeOf("2.0.0", "exec ./guest serve")),
			Crash:    release(t, "crash", strings.Replace(composeOf("1.0.0", "echo about to fail; exit 7"), "delay: 500ms", "condition: none", 1)),
			Outliver: release(t, "1.0.0", composeOf("1.0.0", "exec ./guest stubborn")),
			Broken:   app.Release{Name: "broken", Dir: t.TempDir()},
			Behind:   release(t, "3.0.0", composeOf("3.0.0", "exec /data/server serve")),
			Same:     release(t, "1.0.1", composeOf("1.0.0", "exec /data/server serve")),
		}
	})
}
