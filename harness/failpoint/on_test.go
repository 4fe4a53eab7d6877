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
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(t *testing.T, once string) syscall.WaitStatus {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "FAILPOINT_TEST_CHILD=1", envPoint+"=here", envOnce+"="+once)
	_ = cmd.Run()
	return cmd.ProcessState.Sys().(syscall.WaitStatus)
}

func TestDiesOnceAtTheNamedPoint(t *testing.T) {
	once := filepath.Join(t.TempDir(), "once")
	if status := child(t, once); !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the first process should have died of SIGKILL, got %v", status)
	}
	if _, err := os.Stat(once); err != nil {
		t.Fatalf("the mark of the first death is missing: %v", err)
	}
	if status := child(t, once); !status.Exited() || status.ExitStatus() != 0 {
		t.Fatalf("the second process should have lived, got %v", status)
	}
}
