package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"seatrial/harness/cluster/agent"

	"github.com/rogpeppe/go-internal/testscript"
)

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
	for _, name := range append([]string{"PATH", "HOME", "TMPDIR", "NO_COLOR", agent.Variable}, options...) {
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
