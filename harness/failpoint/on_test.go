//go:build failpoints

package failpoint

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

func TestMain(m *testing.M) {
	if os.Getenv("FAILPOINT_TEST_CHILD") != "" {
		Hit("other")
		Hit("here")
		Hit("twice")
		Hit("twice")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(t *testing.T, point, once string) syscall.WaitStatus {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "FAILPOINT_TEST_CHILD=1", envPoint+"="+point, envOnce+"="+once)
	_ = cmd.Run()
	return cmd.ProcessState.Sys().(syscall.WaitStatus)
}

func TestDiesOnceAtTheNamedPoint(t *testing.T) {
	once := filepath.Join(t.TempDir(), "once")
	if status := child(t, "here", once); !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the first process should have died of SIGKILL, got %v", status)
	}
	if _, err := os.Stat(once); err != nil {
		t.Fatalf("the mark of the first death is missing: %v", err)
	}
	if status := child(t, "here", once); !status.Exited() || status.ExitStatus() != 0 {
		t.Fatalf("the second process should have lived, got %v", status)
	}
}

func TestDiesAtTheTurnThatIsAskedFor(t *testing.T) {
	for point, dies := range map[string]bool{"here#1": true, "here#2": false, "twice#2": true, "twice#3": false, "twice#": false} {
		if got := child(t, point, "").Signaled(); got != dies {
			t.Errorf("%s: died: %v, want %v", point, got, dies)
		}
	}
}
