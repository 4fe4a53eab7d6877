package gitea_test

import (
	"os"
	"path/filepath"
	"testing"

	"seatrial/bridge/forge/gitea"
)

func TestWhatAKilledProcessLeftIsRemoved(t *testing.T) {
	scratch := filepath.Join(t.TempDir(), "scratch")
	if err := os.MkdirAll(filepath.Join(scratch, "seatrial-branch-1", "objects"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := gitea.New(gitea.Config{ID: "gitea", URL: "http://127.0.0.1:1", Token: func() string { return "x" }, Scratch: scratch})
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
		t.Fatalf("left %v, %v", left, err)
	}
}
