package state_test

import (
	"os"
	"path/filepath"
	"testing"

	"seatrial/internal/state"
)

func TestAnInstanceIsAbandonedWhenItsProgramEnded(t *testing.T) {
	folder := state.Folder(t.TempDir())
	release, err := folder.Attend("run-1")
	if err != nil {
		t.Fatal(err)
	}
	if folder.Abandoned("run-1") || folder.Abandoned("run-2") || folder.Abandoned("../instance") {
		t.Error("what is attended, or unknown, is abandoned")
	}
	folder.ForgetAbandoned()
	release()
	if left, _ := filepath.Glob(filepath.Join(string(folder), "attended", "*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	// As after a program that was killed: the kernel has let go of its lock.
	if err := os.WriteFile(filepath.Join(string(folder), "attended", "run-3"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if !folder.Abandoned("run-3") {
		t.Error("nobody answers for it, and it is not abandoned")
	}
	folder.ForgetAbandoned()
	if folder.Abandoned("run-3") {
		t.Error("it was not forgotten")
	}
}
