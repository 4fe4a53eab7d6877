package process

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"seatrial/harness/app"
	"seatrial/internal/procs"
	"seatrial/recipes"
)

func shellBuild(line string) func(*Config) {
	return func(c *Config) { c.Enrolment.Build.Command = recipes.CommandLine{Shell: line} }
}

func TestBuild(t *testing.T) {
	inBothModes(t, func(t *testing.T, m mode) {
		f := newApp(t, m, shellBuild(`echo building $SECRET; echo x >> built; test ! -e "$HOME/seen" || echo home kept; touch "$HOME/seen"; sleep 1000 & true`),
			func(c *Config) { c.BuildEnv = []string{"SECRET=of-the-build"} })
		one, two := release(t, "1.0.0", nil), release(t, "2.0.0", nil)
		must(t, f.Deploy(t.Context(), one))
		if env := f.ask(t, "/env"); strings.Contains(env, "of-the-build") {
			t.Error("the app has the build's variables")
		}
		if said := f.ask(t, "/run?line=cat+built"); said != "x" {
			t.Errorf("built %q", said)
		}
		must(t, f.Upgrade(t.Context(), two))
		must(t, f.Upgrade(t.Context(), one)) // taken from the copy
		if said := f.ask(t, "/run?line=cat+built+VERSION"); said != "x\n1.0.0" {
			t.Errorf("built %q", said)
		}
		if n := strings.Count(f.log.String(), "build: building of-the-build"); n != 2 {
			t.Errorf("built %d times", n)
		}
		if _, err := os.Stat(filepath.Join(one.Dir, "built")); err == nil {
			t.Error("the build wrote into the release that it was given")
		}
		must(t, f.Stop(t.Context())) // a build's sleep would outlive it
	})
}

func TestAFailedBuildIsAFault(t *testing.T) {
	inBothModes(t, func(t *testing.T, m mode) {
		f := newApp(t, m, shellBuild("echo compiling; echo undefined: x >&2; exit 2"))
		fault := wantFault(t, f.Deploy(t.Context(), release(t, "1.0.0", nil)), "the build exited with code 2")
		if len(fault.Evidence) != 2 || fault.Evidence[1] != "undefined: x" {
			t.Errorf("evidence: %q", fault.Evidence)
		}
		if err := f.Alive(t.Context()); !errors.Is(err, app.ErrNotRunning) {
			t.Error(err)
		}
	})
}

func TestASlowBuildIsAFault(t *testing.T) {
	t.Parallel()
	f := newApp(t, plain, shellBuild("echo waiting; sleep 60"), func(c *Config) { c.Enrolment.Build.Timeout = recipes.Duration(300 * time.Millisecond) })
	fault := wantFault(t, f.Deploy(t.Context(), release(t, "1.0.0", nil)), "the build did not end within 300ms")
	if len(fault.Evidence) != 1 {
		t.Errorf("evidence: %q", fault.Evidence)
	}
}

func TestTheReleaseCommandRunsBeforeTheServices(t *testing.T) {
	inBothModes(t, func(t *testing.T, m mode) {
		f := newApp(t, m, func(c *Config) { c.Enrolment.UpgradeEnv = map[string]string{"FROM": "old"} })
		const procfile = "release: echo \"migrated $FROM\" >> \"$DATA_DIR/log\"; echo migrating\nweb: cat \"$DATA_DIR/log\"; exec ./guest serve\n"
		must(t, f.Deploy(t.Context(), release(t, "1.0.0", map[string]string{"Procfile": procfile})))
		f.ask(t, "/version")
		must(t, f.Upgrade(t.Context(), release(t, "2.0.0", map[string]string{"Procfile": procfile})))
		f.ask(t, "/version")
		log, err := f.Get(t.Context(), "data", "log")
		must(t, err)
		if string(log) != "migrated \nmigrated old\n" {
			t.Errorf("log: %q", log)
		}
		fault := wantFault(t, f.Upgrade(t.Context(), release(t, "3.0.0", map[string]string{"Procfile": "release: echo no such column; exit 1\nweb: ./guest serve\n"})),
			"the release command exited with code 1")
		if len(fault.Evidence) != 1 {
			t.Errorf("evidence: %q", fault.Evidence)
		}
		if err := f.Alive(t.Context()); !errors.Is(err, app.ErrNotRunning) {
			t.Error(err)
		}
	})
}

func TestAServiceThatEndsIsAFault(t *testing.T) {
	t.Parallel()
	for procfile, want := range map[string]string{
		"web: echo bye; exit 3":                 "web exited with code 3 after 0",
		"web: ./guest serve\nworker: echo done": "worker exited with code 0 after 0",
		"web: no-such-program":                  "web exited with code 127",
		"web: kill -SEGV $$":                    "web was ended by signal 11 (SIGSEGV)",
	} {
		f := newApp(t, plain)
		must(t, f.Deploy(t.Context(), release(t, "1.0.0", map[string]string{"Procfile": procfile + "\n"})))
		wantFault(t, waitFor(func() error { return f.Alive(t.Context()) }), want)
		wantFault(t, f.Stop(t.Context()), want) // what has ended does not stop when asked
	}
}

func TestAServiceThatIgnoresSIGTERMIsAFault(t *testing.T) {
	inBothModes(t, func(t *testing.T, m mode) {
		f := newApp(t, m, func(c *Config) { c.Enrolment.Timeouts.Stop = recipes.Duration(300 * time.Millisecond) })
		must(t, f.Deploy(t.Context(), release(t, "1.0.0", map[string]string{"Procfile": "web: ./guest stubborn\n"})))
		f.ask(t, "/version")
		wantFault(t, f.Stop(t.Context()), "web did not stop within 300ms of SIGTERM")
		if left := f.ownProcesses(); len(left) > 0 {
			t.Errorf("still there: %q", procs.CommandLines(left))
		}
	})
}

func TestRunningLooksAtWhatRuns(t *testing.T) {
	const loop = "while sleep 0.05; do :; done"
	inBothModes(t, func(t *testing.T, m mode) {
		for name, c := range map[string]struct {
			procfile string
			says     string // of the fault; empty: it is the head
		}{
			"its own script":                  {procfile: "web: sh run.sh\n"},
			"its own script, by path":         {procfile: "web: ./run.sh\n"},
			"a shell line":                    {procfile: "web: " + loop + "\n"},
			"a copy of its own program":       {procfile: "web: cp guest $TMPDIR/g; exec $TMPDIR/g serve\n"},
			"a script out of the volume":      {procfile: "web: sh $DATA_DIR/run.sh\n", says: "which is run.sh of release 1.0.0, not of 2.0.0"},
			"a program out of the volume":     {procfile: "web: $DATA_DIR/guest serve\n", says: "which is guest of release 1.0.0, not of 2.0.0"},
			"an old copy in its own place":    {procfile: "web: cp $DATA_DIR/guest guest; ./guest serve\n", says: "which is guest of release 1.0.0"},
			"something else out of nowhere":   {procfile: "web: cp /bin/sleep $DATA_DIR/s; exec $DATA_DIR/s 60\n", says: "which belongs to no release that was deployed"},
			"a program of the system, abroad": {procfile: "web: cd /; exec sleep 60\n", says: "which belongs to no release that was deployed"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f := newApp(t, m)
				must(t, f.Deploy(t.Context(), release(t, "1.0.0", map[string]string{
					"run.sh*":  "#!/bin/sh\n# the first\n" + loop + "\n",
					"Procfile": "release: cp run.sh guest $DATA_DIR/\nweb: ./guest serve\n",
				})))
				head := release(t, "2.0.0", map[string]string{"run.sh*": "#!/bin/sh\n# the second\n" + loop + "\n", "Procfile": c.procfile})
				must(t, f.Upgrade(t.Context(), head))
				time.Sleep(300 * time.Millisecond)
				got, err := f.Running(t.Context())
				if c.says != "" {
					wantFault(t, err, c.says)
					return
				}
				must(t, err)
				if got != head {
					t.Errorf("running: %+v", got)
				}
			})
		}
	})
}

func TestIsolationIsRefusedWithWhatToDo(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("as another user the first thing that is missing is root")
	}
	t.Setenv("PATH", t.TempDir())
	_, err := New(Config{})
	if err == nil {
		t.Error("an empty configuration is accepted")
	}
	err = CheckIsolation()
	if err == nil || !strings.Contains(err.Error(), "install bubblewrap") || !strings.Contains(err.Error(), "trusted.code: true") {
		t.Errorf("CheckIsolation: %v", err)
	}
}
