package apptest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"seatrial/harness/app"
)

func TestFakeKeepsTheContract(t *testing.T) {
	Contract(t, func(t *testing.T) Fixture {
		f := NewFake(t).Lenient()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "README"), []byte("a recipe"), 0o644); err != nil {
			t.Fatal(err)
		}
		of := func(name string, b Behaviour) app.Release {
			f.Releases[name] = b
			return app.Release{Name: name, Tree: "tree of " + name, Dir: dir}
		}
		log := []string{"it went wrong"}
		return Fixture{
			App: f, Volume: "data",
			One: of("1.0.0", Behaviour{}), Two: of("2.0.0", Behaviour{}),
			Crash:    of("crash", Behaviour{Crash: &app.Fault{Summary: "web exited with code 1 after 0.1s", Evidence: log}}),
			Outliver: of("outliver", Behaviour{StopFault: &app.Fault{Summary: "linger outlived the app's own stop", Evidence: log}}),
			Broken:   of("broken", Behaviour{DeployFault: &app.Fault{Summary: "the build failed", Evidence: log}}),
			Behind:   of("behind", Behaviour{RunsInstead: &app.Fault{Summary: "web runs release 1.0.0"}}),
			Same:     of("same", Behaviour{RunsInstead: errors.New("nothing proves that same is what runs")}),
		}
	})
}

// recorder is a test that may fail without failing.
type recorder struct {
	testing.TB
	complaints int
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.complaints++ }

func TestFakeScoldsMisuse(t *testing.T) {
	one := app.Release{Name: "1.0.0"}
	for name, misuse := range map[string]func(f *Fake) error{
		"deploy twice": func(f *Fake) error {
			if err := f.Deploy(t.Context(), one); err != nil {
				t.Error(err)
			}
			return f.Deploy(t.Context(), one)
		},
		"upgrade of nothing": func(f *Fake) error { return f.Upgrade(t.Context(), one) },
		"start of nothing":   func(f *Fake) error { return f.Start(t.Context()) },
		"unknown volume":     func(f *Fake) error { return f.Put(t.Context(), "nowhere", "x", nil) },
		"frozen twice": func(f *Fake) error {
			if err := f.Deploy(t.Context(), one); err != nil {
				t.Error(err)
			}
			if _, err := f.Freeze(t.Context()); err != nil {
				t.Error(err)
			}
			_, err := f.Freeze(t.Context())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{TB: t}
			if err := misuse(NewFake(r)); err == nil || r.complaints != 1 {
				t.Errorf("error %v, %d complaints", err, r.complaints)
			}
		})
	}
}

func TestFakeFailsOnDemand(t *testing.T) {
	f := NewFake(t)
	broken := &app.Fault{Summary: "no"}
	f.Fail("Deploy", broken)
	one := app.Release{Name: "1.0.0"}
	if err := f.Deploy(t.Context(), one); err != error(broken) {
		t.Errorf("first: %v", err)
	}
	if err := f.Deploy(t.Context(), one); err != nil {
		t.Errorf("second: %v", err)
	}
	if calls := f.Calls(); len(calls) != 2 || calls[0] != "Deploy 1.0.0" {
		t.Errorf("calls: %q", calls)
	}
}
