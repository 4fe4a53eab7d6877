package e2e_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"seatrial/recipes/examples"
)

// sceneCommands are what scripts do to the program and its machine.
func sceneCommands() map[string]func(*testscript.TestScript, bool, []string) {
	on := func(min, max int, usage string, do func(s *scene, ts *testscript.TestScript, neg bool, args []string) error) func(*testscript.TestScript, bool, []string) {
		return func(ts *testscript.TestScript, neg bool, args []string) {
			if len(args) < min || max >= 0 && len(args) > max {
				ts.Fatalf("usage: %s", usage)
			}
			s, _ := ts.Value(sceneKey{}).(*scene)
			ts.Check(do(s, ts, neg, args))
		}
	}
	return map[string]func(*testscript.TestScript, bool, []string){
		"exits": on(2, -1, "exits CODE PROGRAM [ARGS]: it ends with that code", func(_ *scene, ts *testscript.TestScript, _ bool, args []string) error {
			// A program that was to refuse and goes on instead would keep the test for ever.
			return wantCode(ts.Exec("timeout", append([]string{"--kill-after=10", "60"}, args[1:]...)...), args[0])
		}),
		"start": on(2, -1, "start NAME PROGRAM [ARGS]: in the background, its output in NAME.out and NAME.err", func(s *scene, ts *testscript.TestScript, _ bool, args []string) error {
			return s.start(ts, args[0], args[1:])
		}),
		"shows": on(2, 2, "shows FILE REGEXP: the file does, soon", func(s *scene, ts *testscript.TestScript, _ bool, args []string) error {
			return s.shows(ts.MkAbs(args[0]), args[1])
		}),
		"signal": on(2, 2, "signal INT|TERM|KILL NAME", func(s *scene, _ *testscript.TestScript, _ bool, args []string) error {
			p := s.running[args[1]]
			if p == nil {
				return fmt.Errorf("nothing is running as %s", args[1])
			}
			return p.cmd.Process.Signal(unix.SignalNum("SIG" + args[0]))
		}),
		"ends": on(2, 2, "ends NAME CODE: it does so, soon", func(s *scene, _ *testscript.TestScript, _ bool, args []string) error {
			return s.ends(args[0], args[1])
		}),
		"lines": on(3, 3, "lines N FILE REGEXP: so many lines match", func(_ *scene, ts *testscript.TestScript, _ bool, args []string) error {
			text := ts.ReadFile(args[1])
			found := regexp.MustCompile(`(?m)^.*(?:`+args[2]+`).*$`).FindAllString(text, -1)
			if strconv.Itoa(len(found)) != args[0] {
				return fmt.Errorf("%d lines of %s match %q:\n%s\nof\n%s", len(found), args[1], args[2], strings.Join(found, "\n"), text)
			}
			return nil
		}),
		"guestbook": on(2, 2, "guestbook DIR TESTS: the example recipe as a repository, and its enrolment", func(_ *scene, ts *testscript.TestScript, _ bool, args []string) error {
			return writeGuestbook(ts.MkAbs(args[0]), ts.MkAbs(args[1]))
		}),
		"git": on(2, -1, "git DIR ARGS: in the repository", func(_ *scene, ts *testscript.TestScript, _ bool, args []string) error {
			identity := []string{"-c", "user.name=Script", "-c", "user.email=script@example.org", "-c", "init.defaultBranch=main"}
			return ts.Exec("git", append(append([]string{"-C", ts.MkAbs(args[0])}, identity...), args[1:]...)...)
		}),
		"write": on(2, 2, "write FILE TEXT: with Go's escapes", func(_ *scene, ts *testscript.TestScript, _ bool, args []string) error {
			text, err := strconv.Unquote(`"` + args[1] + `"`)
			if err != nil {
				return err
			}
			name, err := strconv.Unquote(`"` + args[0] + `"`)
			if err != nil {
				return err
			}
			return os.WriteFile(ts.MkAbs(name), []byte(text), 0o644)
		}),
		"events": on(1, 1, "events FILE: one event a line, in order, from started to finished", func(_ *scene, ts *testscript.TestScript, _ bool, args []string) error {
			return wantEvents(ts.ReadFile(args[0]))
		}),
		"result": on(2, 2, "result FILE VERDICT: it keeps to the schema, and that is the verdict", func(_ *scene, ts *testscript.TestScript, _ bool, args []string) error {
			return wantResult(ts.ReadFile(args[0]), args[1])
		}),
		"harmless": on(1, -1, "harmless FILE...: nothing in it steers a terminal or hides", func(_ *scene, ts *testscript.TestScript, _ bool, args []string) error {
			for _, file := range args {
				if err := wantHarmless(ts.ReadFile(file)); err != nil {
					return fmt.Errorf("%s: %w", file, err)
				}
			}
			return nil
		}),
		"nothing": on(1, 2, "nothing left|named FILE: no process, mount or group of this script's; or no such file anywhere in it", func(s *scene, ts *testscript.TestScript, _ bool, args []string) error {
			if len(args) == 2 {
				return s.nothingNamed(args[1])
			}
			left := append(leftBelow(s.dir), leftIn(ts.Getenv("SEATRIAL_STATE"))...)
			if len(left) > 0 {
				return fmt.Errorf("left: %s", strings.Join(left, "; "))
			}
			return nil
		}),
		"visit": on(2, 2, "visit FILE TEXT: the first address in the file shows it", func(s *scene, ts *testscript.TestScript, _ bool, args []string) error {
			return visit(ts.ReadFile(args[0]), args[1])
		}),
		"journal": on(2, 2, "journal FILE SQL: somebody else writes into it", func(_ *scene, ts *testscript.TestScript, _ bool, args []string) error {
			db, err := sql.Open("sqlite", "file:"+ts.MkAbs(args[0]))
			if err == nil {
				_, err = db.Exec(args[1])
				err = errors.Join(err, db.Close())
			}
			return err
		}),
		"emptied": on(1, 1, "emptied DIR: nothing is in it", func(_ *scene, ts *testscript.TestScript, _ bool, args []string) error {
			entries, err := os.ReadDir(ts.MkAbs(args[0]))
			if err == nil && len(entries) > 0 {
				err = fmt.Errorf("%v are in %s", entries, args[0])
			}
			return err
		}),
		"latest": on(1, 1, "latest VARIABLE: the latest run's ID", func(s *scene, ts *testscript.TestScript, _ bool, args []string) error {
			reports, err := s.reports()
			if err == nil && len(reports) == 0 {
				err = errors.New("there is no run")
			}
			if err == nil {
				ts.Setenv(args[0], string(reports[0].Request.ID))
			}
			return err
		}),
		"occupy": on(1, 1, "occupy VARIABLE: a port on which somebody else listens", func(s *scene, ts *testscript.TestScript, _ bool, args []string) error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err == nil {
				ts.Setenv(args[0], l.Addr().String())
				s.closers = append(s.closers, l.Close)
			}
			return err
		}),
		"mount": on(2, 2, "mount DIR OPTIONS: a file system in memory, such as size=64k", func(s *scene, ts *testscript.TestScript, _ bool, args []string) error {
			dir := ts.MkAbs(args[0])
			if err := unix.Mount("scene", dir, "tmpfs", 0, args[1]); err != nil {
				return fmt.Errorf("cannot mount: %w", err)
			}
			s.closers = append(s.closers, func() error { return unix.Unmount(dir, unix.MNT_DETACH) })
			return nil
		}),
		"readonly": on(1, 1, "readonly DIR: what is mounted there becomes so", func(_ *scene, ts *testscript.TestScript, _ bool, args []string) error {
			return unix.Mount("", ts.MkAbs(args[0]), "", unix.MS_REMOUNT|unix.MS_RDONLY, "")
		}),
	}
}

// quick shortens the time that an app is watched for.
var quick = regexp.MustCompile(`(?m)^  timeout: 30s$`)

func writeGuestbook(dir, tests string) error {
	text, err := examples.Enrolment("guestbook")
	if err != nil {
		return err
	}
	text = quick.ReplaceAll(text, []byte("  timeout: 30s\n  steady: 500ms"))
	if err := examples.WriteEnrolmentText("guestbook", "harbour/guestbook", tests, text); err != nil {
		return err
	}
	return examples.Write(context.Background(), "guestbook", dir)
}

// wantCode compares how a program ended.
func wantCode(err error, code string) error {
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		return err
	}
	if strconv.Itoa(got) != code {
		return fmt.Errorf("it ended with %d, not %s", got, code)
	}
	return nil
}
