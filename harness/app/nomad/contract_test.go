package nomad

import (
	"os"
	"path/filepath"
	"testing"

	"seatrial/harness/app"
	"seatrial/harness/app/apptest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	s := need(t)
	apptest.Contract(t, func(t *testing.T) apptest.Fixture {
		a, _ := newApp(t, s)
		one := s.release(t, "1.0.0", jobFile("cp ./guest /data/server; exec ./guest serve"))
		same := s.release(t, "1.0.1", jobFile("exec /data/server serve"))
		program, err := os.ReadFile(filepath.Join(one.Dir, "guest"))
		noError(t, err)
		noError(t, os.WriteFile(filepath.Join(same.Dir, "guest"), program, 0o755))
		return apptest.Fixture{
			App: a, Volume: "data",
			One:      one,
			Two:      s.release(t, "2.0.0", jobFile("exec ./guest serve")),
			Crash:    s.release(t, "crash", jobFile("echo about to fail; exit 7")),
			Outliver: s.release(t, "outliver", jobFile("exec ./guest stubborn")),
			Broken:   app.Release{Name: "broken", Dir: t.TempDir()},
			Behind:   s.release(t, "3.0.0", jobFile("exec /data/server serve")),
			Same:     same,
		}
	})
}
