package process

import (
	"os"
	"path/filepath"
	"testing"

	"seatrial/harness/app"
	"seatrial/harness/app/apptest"
)

func TestContract(t *testing.T) {
	inBothModes(t, func(t *testing.T, m mode) {
		apptest.Contract(t, func(t *testing.T) apptest.Fixture {
			one := release(t, "1.0.0", map[string]string{
				"Procfile": "release: cp ./guest \"$DATA_DIR/server\"\nweb: ./guest serve\n",
			})
			same := release(t, "1.0.1", map[string]string{"Procfile": "web: \"$DATA_DIR/server\" serve\n"})
			must(t, os.Remove(filepath.Join(same.Dir, "guest")))
			copyGuest(t, filepath.Join(same.Dir, "guest"), "1.0.0")
			return apptest.Fixture{
				App: newApp(t, m).App, Volume: "data",
				One:      one,
				Two:      release(t, "2.0.0", nil),
				Crash:    release(t, "crash", map[string]string{"Procfile": "web: echo about to fail; exit 7\n"}),
				Outliver: release(t, "outliver", map[string]string{"Procfile": "web: ./guest daemon\n"}),
				Broken:   app.Release{Name: "broken", Dir: t.TempDir()},
				Behind:   release(t, "3.0.0", map[string]string{"Procfile": "web: \"$DATA_DIR/server\" serve\n"}),
				Same:     same,
			}
		})
	})
}
