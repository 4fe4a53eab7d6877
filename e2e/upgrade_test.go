package e2e_test

import (
	"os"
	"path/filepath"
	"testing"

	"seatrial/bridge/forge/forgetest"
)

// TestAProgramInstalledMeanwhileReachesNoRun has a server whose program is replaced at its
// path by another one, which cannot be a harness at all.
func TestAProgramInstalledMeanwhileReachesNoRun(t *testing.T) {
	t.Parallel()
	server := forgetest.NewServer(t)
	s, err := newStage(server, t.TempDir(), binary(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%v\n%s", err, s.lastWords())
		}
	}
	program, err := os.ReadFile(s.program)
	check(err)
	installed := filepath.Join(s.dir, "installed")
	check(os.WriteFile(installed, program, 0o755))
	check(s.serveWith(installed))
	t.Cleanup(s.bridge.stop)
	other := installed + ".new"
	check(os.WriteFile(other, []byte("#!/bin/sh\necho a later version\nexit 70\n"), 0o755))
	check(os.Rename(other, installed))
	_, err = server.Comment(s.repo, s.pull, s.name("anna"), "!testme")
	check(err)
	check(s.expectRuns([]string{"1", "pass"}))
}
