package main_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/sys/unix"

	"seatrial/harness/run"
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

// options are those that scripts set in the environment.
var options = []string{
	"SEATRIAL_STATE", "SEATRIAL_SHARE", "SEATRIAL_BUILD_ENV", "SEATRIAL_ENROLMENT", "SEATRIAL_TESTS", "SEATRIAL_GITEA_URL", "SEATRIAL_GITEA_TOKEN",
	"SEATRIAL_GITEA_TOKEN_FILE", "SEATRIAL_ORG", "SEATRIAL_LISTEN", "SEATRIAL_POLL", "SEATRIAL_SWEEP", "SEATRIAL_JANITOR",
}

// player is a program in the background.
type player struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

func (s *scene) start(ts *testscript.TestScript, name string, args []string) error {
	if s.running[name] != nil {
		return fmt.Errorf("%s runs already", name)
	}
	// Looked up in the script's PATH, where the program under test comes first.
	p := &player{cmd: exec.Command(args[0], args[1:]...), done: make(chan struct{})}
	if args[0] == "seatrial" {
		p.cmd.Path, p.cmd.Err = s.program, nil
	}
	p.cmd.Dir = ts.MkAbs(".")
	for _, name := range append([]string{"PATH", "HOME", "TMPDIR", "NO_COLOR"}, options...) {
		if value := ts.Getenv(name); value != "" {
			p.cmd.Env = append(p.cmd.Env, name+"="+value)
		}
	}
	out, err := os.Create(filepath.Join(s.dir, name+".out"))
	if err != nil {
		return err
	}
	defer out.Close()
	errs, err := os.Create(filepath.Join(s.dir, name+".err"))
	if err != nil {
		return err
	}
	defer errs.Close()
	p.cmd.Stdout, p.cmd.Stderr = out, errs
	if err := p.cmd.Start(); err != nil {
		return err
	}
	s.running[name] = p
	go func() { p.err = p.cmd.Wait(); close(p.done) }()
	return nil
}

func (p *player) end() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

func (s *scene) ends(name, code string) error {
	p := s.running[name]
	if p == nil {
		return fmt.Errorf("nothing is running as %s", name)
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		return fmt.Errorf("gave up after %s waiting for %s to end", patience, name)
	}
	delete(s.running, name)
	if err := wantCode(p.err, code); err != nil {
		out, _ := os.ReadFile(filepath.Join(s.dir, name+".out"))
		errs, _ := os.ReadFile(filepath.Join(s.dir, name+".err"))
		return fmt.Errorf("%w\n%s\n%s", err, out, errs)
	}
	return nil
}

func (s *scene) shows(file, pattern string) error {
	wanted := regexp.MustCompile(`(?m)` + pattern)
	var text []byte
	err := s.eventually(filepath.Base(file)+" to show "+pattern, false, func() (so bool, err error) {
		text, err = os.ReadFile(file)
		return wanted.Match(text), err
	})
	if err != nil {
		return fmt.Errorf("%w; it shows:\n%s", err, text)
	}
	return nil
}

// wantEvents holds a file of events against what is promised of it.
func wantEvents(text string) error {
	var last int64
	var kinds []run.Kind
	for line := range strings.Lines(text) {
		var e run.Event
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&e); err != nil {
			return fmt.Errorf("this line is no event: %w: %s", err, line)
		}
		if e.Seq <= last || e.Run == "" || e.Source != run.Harness || e.At.IsZero() {
			return fmt.Errorf("event %d is out of order or says too little: %s", last+1, line)
		}
		last, kinds = e.Seq, append(kinds, e.Kind)
	}
	if len(kinds) < 3 || kinds[0] != run.KindStarted || kinds[len(kinds)-1] != run.KindFinished {
		return fmt.Errorf("the events do not lead from started to finished: %v", kinds)
	}
	return nil
}

func wantResult(text, verdict string) error {
	schema, err := jsonschema.NewCompiler().Compile("harness/result/schema.json")
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		return fmt.Errorf("the result does not keep to its schema: %w\n%s", err, text)
	}
	if got := value.(map[string]any)["verdict"]; got != verdict {
		return fmt.Errorf("the verdict is %v, not %s:\n%s", got, verdict, text)
	}
	return nil
}

// wantHarmless finds what would steer a terminal, turn the reading direction, or be
// no text.
func wantHarmless(text string) error {
	for i, line := range strings.Split(text, "\n") {
		for _, r := range line {
			if r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
				return fmt.Errorf("line %d holds %U: %q", i+1, r, line)
			}
		}
	}
	return nil
}

var address = regexp.MustCompile(`http://([a-z0-9.-]+):([0-9]+)`)

// visit asks the app of a run by its name; resolvers do not know it everywhere.
func visit(text, wanted string) error {
	found := address.FindStringSubmatch(text)
	if found == nil {
		return fmt.Errorf("there is no address in %q", text)
	}
	req, err := http.NewRequest("GET", "http://127.0.0.1:"+found[2]+"/", nil)
	if err != nil {
		return err
	}
	req.Host = found[1]
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && !strings.Contains(string(body), wanted) {
		err = fmt.Errorf("%s shows %q, not %q", found[0], body, wanted)
	}
	return err
}

// nothingNamed looks for a file that a hostile name would have made, in every folder
// of the script and in the test's own.
func (s *scene) nothingNamed(name string) error {
	if _, err := os.Stat(name); err == nil {
		return fmt.Errorf("%s is there, beside the tests", name)
	}
	return filepath.WalkDir(s.dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == name {
			return fmt.Errorf("%s is there", path)
		}
		return nil
	})
}

// leftBelow are the processes and mounts of a folder. The machine is asked, not our
// own code.
func leftBelow(dir string) []string {
	var left []string
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		cmdline, _ := os.ReadFile(path)
		environ, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "environ"))
		cwd, _ := os.Readlink(filepath.Join(filepath.Dir(path), "cwd"))
		if bytes.Contains(cmdline, []byte(dir)) || bytes.Contains(environ, []byte(dir)) || strings.HasPrefix(cwd, dir) {
			left = append(left, "process "+filepath.Base(filepath.Dir(path))+" "+strings.ReplaceAll(string(cmdline), "\x00", " "))
		}
	}
	mounts, _ := os.ReadFile("/proc/self/mounts")
	if bytes.Contains(mounts, []byte(dir)) {
		left = append(left, "a mount below "+dir)
	}
	return left
}

// leftIn is what runs left in a state folder: their work, and what they are.
func leftIn(state string) []string {
	var left []string
	for _, pattern := range []string{"work/*", "runs/*"} {
		found, _ := filepath.Glob(filepath.Join(state, pattern))
		left = append(left, found...)
	}
	return left
}
