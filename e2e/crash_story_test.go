package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"seatrial/harness/run"
)

// lead begins the story: a bridge that is going to die, or whose harness is, and a
// member's comment.
func (s *crashed) lead() error {
	if err := os.MkdirAll(s.temp(), 0o700); err != nil {
		return err
	}
	if s.before != nil {
		if err := s.before(s); err != nil {
			return err
		}
	}
	// Teardown has layers. The last one is not to do what the others left undone.
	s.serveFlags = append([]string{"--janitor", "1h"}, s.flags...)
	if err := s.serveWith(s.program, "TMPDIR="+s.temp(), "SEATRIAL_FAILPOINT="+s.point, "SEATRIAL_FAILPOINT_ONCE="+s.once); err != nil {
		return err
	}
	if err := s.say("anna"); err != nil || s.plot == nil {
		return err
	}
	return s.plot(s)
}

func (s *crashed) say(who string) (err error) {
	s.comment, err = s.world.Comment(s.repo, s.pull, s.name(who), "!testme")
	return err
}

// reaches waits until the latest run is at a stage.
func (s *crashed) reaches(stage run.Stage) error {
	return s.eventually("the stage "+string(stage), false, func() (bool, error) {
		reports, err := s.reports()
		return len(reports) > 0 && reports[0].Current() == stage, err
	})
}

// commit makes a commit with the files on top of the head, and gives it to the
// current pull request. Without a text a file is removed.
func (s *crashed) commit(message string, files map[string]string) error {
	if _, err := s.git("checkout", "-q", "-B", "pushed", s.head); err != nil {
		return err
	}
	for name, text := range files {
		path := filepath.Join(s.source, name)
		err := os.WriteFile(path, []byte(text), 0o644)
		if text == "" {
			err = os.Remove(path)
		}
		if err != nil {
			return err
		}
	}
	if _, err := s.git("add", "-A"); err != nil {
		return err
	}
	if _, err := s.git("commit", "-q", "-m", message); err != nil {
		return err
	}
	head, err := s.world.Push(s.repo, s.pull, s.source, "pushed")
	s.head = head
	return err
}

// pushUntidy: a head that passes, about which there is something to find and to warn of.
func (s *crashed) pushUntidy() error {
	return s.commit("Be untidy", map[string]string{"LICENSE": "", "Procfile": "release: ./guestbook migrate\nweb: date > started; exec ./guestbook serve\n"})
}

// askAgain: a second comment joins the run.
func (s *crashed) askAgain() error {
	if err := s.reaches(run.StageUpgrade); err != nil {
		return err
	}
	return s.say("bert")
}

// pushMeanwhile: the run is about an older commit.
func (s *crashed) pushMeanwhile() error {
	if err := s.reaches(run.StageUpgrade); err != nil {
		return err
	}
	return s.commit("A newer head", map[string]string{"NOTES": "newer\n"})
}

// waitBehind: another pull request's run waits for the slot that the first one has.
func (s *crashed) waitBehind() error {
	if err := s.reaches(run.StageUpgrade); err != nil {
		return err
	}
	if err := s.another(); err != nil {
		return err
	}
	if err := s.commit("Another head", map[string]string{"NOTES": "another\n"}); err != nil {
		return err
	}
	if err := s.say("anna"); err != nil {
		return err
	}
	return s.expectRuns([]string{"1", string(run.Waiting)})
}

// supersede: what waits gets a newer head and a comment.
func (s *crashed) supersede() error {
	if err := s.waitBehind(); err != nil {
		return err
	}
	if err := s.commit("A newer head", map[string]string{"NOTES": "newer\n"}); err != nil {
		return err
	}
	return s.say("anna")
}

// closeMeanwhile: the pull request of what waits is closed.
func (s *crashed) closeMeanwhile() error {
	if err := s.waitBehind(); err != nil {
		return err
	}
	return s.world.ClosePull(s.repo, s.pull)
}

// cancel: an operator cancels what runs.
func (s *crashed) cancel() error {
	if err := s.reaches(run.StageUpgrade); err != nil {
		return err
	}
	reports, err := s.reports()
	if err != nil {
		return err
	}
	out, err := exec.Command(s.program, "--state", s.state, "runs", "cancel", string(reports[0].Request.ID)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// killHarness: somebody else kills the first attempt's harness.
func (s *crashed) killHarness() error {
	if err := s.reaches(run.StageUpgrade); err != nil {
		return err
	}
	return s.crashHarness()
}

// bridgeDies waits for the bridge's death and starts another.
func (s *crashed) bridgeDies() error {
	select {
	case <-s.bridge.done:
	case <-time.After(patience):
		return fmt.Errorf("gave up after %s waiting for the bridge to die at %s", patience, s.point)
	}
	if status := s.bridge.cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGKILL {
		return fmt.Errorf("the bridge was to be killed, but ended with %v", s.bridge.cmd.ProcessState)
	}
	return s.serveWith(s.program, "TMPDIR="+s.temp())
}

// harnessDies waits for the harness's death. The bridge has to find out by itself.
func (s *crashed) harnessDies() error {
	return s.eventually("the harness to die at "+s.point, false, func() (bool, error) {
		_, err := os.Stat(s.once)
		return err == nil, nil
	})
}

// bothDie kills the bridge when the harness dies, and starts another.
func (s *crashed) bothDie() error {
	if err := s.harnessDies(); err != nil {
		return err
	}
	s.bridge.kill()
	return s.serveWith(s.program, "TMPDIR="+s.temp())
}
