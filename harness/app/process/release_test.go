package process

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
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
		one := release(t, "1.0.0", map[string]string{"Procfile": procfile})
		one.Published = true
		must(t, f.Deploy(t.Context(), one))
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
		"web: echo bye; exit 3":                 "web exited with code 3 after ",
		"web: ./guest serve\nworker: echo done": "worker exited with code 0 after ",
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
	const (
		loop   = "while sleep 0.05; do :; done"
		ready  = "$| = 1; print qq(ready\n); sleep 60;\n"
		module = "package App; our $version = '%s'; 1;\n"
		// What the first release does at its first start, and what then lies in the volume.
		first = `release: mkdir $DATA_DIR/app $DATA_DIR/lib; ` +
			`cp run.sh same.sh guest $DATA_DIR/; cp same.pl App.pm $DATA_DIR/app/; cp App.pm $DATA_DIR/lib/; sed s/App/Made/ App.pm > $DATA_DIR/lib/Made.pm; ` +
			`cp /bin/sleep $DATA_DIR/made; cp "$(ldd /bin/sleep | sed -n 's/.*=> \(.*libc.so.6\).*/\1/p')" $DATA_DIR/lib/own.so; cp README $DATA_DIR/log.db; ` +
			`test ! -e /usr/bin/python3 || { cp sub/made.py $DATA_DIR/lib/ && PYTHONPATH=$DATA_DIR/lib /usr/bin/python3 -c "import made"; }`
	)
	rows := map[string]struct {
		procfile string
		shows    string // what is waited for: a command line, or what the app prints
		old      string // of the fault; and neither this nor the next: it is the head
		unproven string
	}{
		"its own script":                             {procfile: "sh run.sh", shows: "sh run.sh"},
		"its own script, by path":                    {procfile: "./run.sh", shows: "run.sh"},
		"a shell line":                               {procfile: loop, shows: "sleep 0.05"},
		"a copy of its own program":                  {procfile: "cp guest $TMPDIR/g; exec $TMPDIR/g serve", shows: "g serve"},
		"a program of the system, abroad":            {procfile: "cd /; exec sleep 60", shows: "sleep 60"},
		"a program of the system, in the data":       {procfile: "cd $DATA_DIR && exec sleep 60", shows: "sleep 60"},
		"a script that goes into the data":           {procfile: "exec perl away.pl", shows: "ready"},
		"a script that is given data":                {procfile: "exec perl same.pl $DATA_DIR/log.db $DATA_DIR/run.sh", shows: "ready"},
		"a line that is given data":                  {procfile: "cd $DATA_DIR && exec perl -e 'print qq(ready\\n); close STDOUT; sleep 60' $DATA_DIR/run.sh", shows: "ready"},
		"a copy into the volume at each start":       {procfile: "cp same.pl App.pm $DATA_DIR/app/; exec perl -I$DATA_DIR/app $DATA_DIR/app/same.pl", shows: "ready"},
		"a program that it made in the volume":       {procfile: "cp /bin/sleep $DATA_DIR/s; exec $DATA_DIR/s 60", shows: "s 60"},
		"a link to a script of its own":              {procfile: "ln -sf $PWD/same.pl $DATA_DIR/link.pl; exec perl $DATA_DIR/link.pl", shows: "ready"},
		"an old script out of the volume":            {procfile: "sh $DATA_DIR/run.sh", shows: "sh ", old: "web runs $DATA_DIR/run.sh, which is run.sh of release 1.0.0, not of 2.0.0"},
		"an old program out of the volume":           {procfile: "$DATA_DIR/guest serve", shows: "guest serve", old: "which is guest of release 1.0.0, not of 2.0.0"},
		"an old copy in its own place":               {procfile: "cp $DATA_DIR/guest guest; ./guest serve", shows: "guest serve", old: "which is guest of release 1.0.0"},
		"an old program as a worker":                 {procfile: "./guest serve\nworker: PORT=0 exec $DATA_DIR/guest serve", shows: "data/guest serve", old: "worker runs $DATA_DIR/guest, which is guest of release 1.0.0"},
		"an old module behind an unchanged script":   {procfile: "exec perl -I$DATA_DIR/app $DATA_DIR/app/same.pl", shows: "ready", old: "web runs $DATA_DIR/app/App.pm, which is App.pm of release 1.0.0"},
		"an old module by an option":                 {procfile: "exec perl -I$DATA_DIR/lib same.pl", shows: "ready", old: "web runs $DATA_DIR/lib/App.pm, which is App.pm of release 1.0.0"},
		"an old module by a variable":                {procfile: "PERL5LIB=$DATA_DIR/lib exec perl same.pl", shows: "ready", old: "web runs $DATA_DIR/lib/App.pm, which is App.pm of release 1.0.0"},
		"an old module that Python has translated":   {procfile: "PYTHONPATH=$DATA_DIR/lib exec /usr/bin/python3 serve.py", shows: "ready", old: "web runs $DATA_DIR/lib/made.py, which is sub/made.py of release 1.0.0"},
		"an old module that the script finds":        {procfile: "exec perl late.pl", shows: "ready", unproven: "the app takes code from $DATA_DIR/lib/App.pm"},
		"a module that the first release made":       {procfile: "exec perl -I$DATA_DIR/lib -MMade -e '$| = 1; print qq(ready\\n); sleep 60'", shows: "ready", unproven: "$DATA_DIR/lib/Made.pm"},
		"an old release's folder":                    {procfile: "cd $PWD/../1 2>/dev/null && exec sh same.sh; exec sh $DATA_DIR/same.sh", shows: "same.sh", unproven: "same.sh, which lay in "},
		"a script that no release has changed":       {procfile: "sh $DATA_DIR/same.sh", shows: "sh ", unproven: "web takes code from $DATA_DIR/same.sh, which lay in the volume data before the upgrade"},
		"a script that comes in by its input":        {procfile: "sh < $DATA_DIR/same.sh", shows: "sleep 0.05", unproven: "$DATA_DIR/same.sh"},
		"a program that the first release made":      {procfile: "$DATA_DIR/made 60", shows: "made 60", unproven: "web takes code from $DATA_DIR/made"},
		"such a program beside one of the head's":    {procfile: "$DATA_DIR/made 60 & exec ./guest serve", shows: "made 60", unproven: "web takes code from $DATA_DIR/made"},
		"such a program behind a link":               {procfile: "ln -s $DATA_DIR/made made; exec ./made 60", shows: "made 60", unproven: "web takes code from $DATA_DIR/made"},
		"a library that the first release has built": {procfile: "LD_PRELOAD=$DATA_DIR/lib/own.so exec sleep 60", shows: "sleep 60", unproven: "$DATA_DIR/lib/own.so"},
	}
	files := func(version, procfile string) map[string]string {
		return map[string]string{
			"Procfile": procfile + "\n", "README": "the same", "same.sh*": "#!/bin/sh\n" + loop + "\n", "same.pl": "BEGIN { push @INC, '.' } use App;\n" + ready,
			"run.sh*": "#!/bin/sh\n# " + version + "\n" + loop + "\n", "App.pm": fmt.Sprintf(module, version), "away.pl": "BEGIN { push @INC, '.' } use App; chdir $ENV{DATA_DIR};\n" + ready,
			"sub/made.py": "# " + version + "\n", "serve.py": "import made, time\nprint('ready', flush=True)\ntime.sleep(60)\n",
			"late.pl": "require qq($ENV{DATA_DIR}/lib/App.pm);\n" + ready,
		}
	}
	inBothModes(t, func(t *testing.T, m mode) {
		for name, c := range rows {
			if m == plain && !strings.HasPrefix(name, "an old ") && CheckIsolation() == nil {
				continue // it is the same as isolated
			}
			if _, err := os.Stat("/usr/bin/python3"); err != nil && strings.Contains(c.procfile, "python3") {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f := newApp(t, m)
				must(t, f.Deploy(t.Context(), release(t, "1.0.0", files("1.0.0", first+"\nweb: ./guest serve"))))
				head := release(t, "2.0.0", files("2.0.0", "web: "+c.procfile))
				must(t, f.Upgrade(t.Context(), head))
				f.shows(t, c.shows)
				got, err := f.Running(t.Context())
				in := strings.NewReplacer("$DATA_DIR", f.see("volumes/data"))
				switch {
				case c.old != "":
					wantFault(t, err, in.Replace(c.old))
				case c.unproven != "":
					if _, fault := errors.AsType[*app.Fault](err); err == nil || fault || !strings.Contains(err.Error(), in.Replace(c.unproven)) {
						t.Errorf("want an error of ours that says %q, got %v", in.Replace(c.unproven), err)
					}
				default:
					must(t, err)
					if got != head {
						t.Errorf("running: %+v", got)
					}
				}
			})
		}
	})
}

// shows waits until a process of the app was started with a line that contains the text, or
// until the app has printed it.
func (f *fixture) shows(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		lines := procs.CommandLines(f.ownProcesses())
		shown := slices.ContainsFunc(lines, func(line string) bool {
			return strings.Contains(line, text) && !strings.HasPrefix(line, "/bin/sh -c")
		})
		if shown || strings.Contains(f.log.String(), ": "+text) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing shows %q, but %q; printed:\n%s", text, lines, f.log)
		}
	}
}

func TestAnAppThatDoesNotLookAtPortIsToldFromOneThatDoes(t *testing.T) {
	inBothModes(t, func(t *testing.T, m mode) {
		f := newApp(t, m)
		must(t, f.Deploy(t.Context(), release(t, "1.0.0", nil)))
		f.ask(t, "/version")
		if where := f.Astray(); where != "" {
			t.Error(where)
		}
		before := f.instance().port
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		_, other, _ := net.SplitHostPort(l.Addr().String())
		l.Close()
		must(t, f.Upgrade(t.Context(), release(t, "2.0.0", map[string]string{"Procfile": "web: PORT=" + other + " exec ./guest serve\n"})))
		if now := f.instance().port; now == before {
			t.Errorf("the port is %d again", now)
		}
		want := fmt.Sprintf("nothing listens on $PORT, which is %d, but something does on %s", f.instance().port, other)
		if seen := waitFor(func() error {
			if f.Astray() == want {
				return errors.New("it is told")
			}
			return nil
		}); seen == nil {
			t.Fatalf("%q, want %q", f.Astray(), want)
		}
	})
}

func TestUpgradeEnvIsForAllButThePublishedRelease(t *testing.T) {
	t.Parallel()
	f := newApp(t, plain, func(c *Config) { c.Enrolment.UpgradeEnv = map[string]string{"MAIL": "new"} })
	has := func(want bool) {
		t.Helper()
		if got := strings.Contains(f.ask(t, "/env"), "MAIL=new"); got != want {
			t.Errorf("the app has upgrade_env: %v, want %v", got, want)
		}
	}
	published, head := release(t, "1.0.0", nil), release(t, "2.0.0", nil)
	published.Published = true
	must(t, f.Deploy(t.Context(), published))
	has(false)
	must(t, f.Upgrade(t.Context(), head))
	has(true)
	must(t, f.Destroy(t.Context()))
	must(t, f.Deploy(t.Context(), head))
	has(true)
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
