package agent_test

import (
	"path/filepath"
	"testing"

	"seatrial/harness/cluster"
	"seatrial/harness/cluster/agent"
	"seatrial/internal/must"
)

func TestAnAgentIsStartedStoppedAndStartedAgain(t *testing.T) {
	program, err := agent.Find()
	must.Have(t, "nomad", err == nil, "there is no nomad: dev/nomad/build")
	a, err := agent.Start(t.Context(), agent.Options{Program: program, Dir: filepath.Join(t.TempDir(), "one"), Meta: map[string]string{cluster.NodeCapabilities: "browser"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Wipe(); err != nil {
			t.Error(err)
		}
	})
	token, err := a.Bootstrap(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.WaitReady(t.Context(), token, 1); err != nil {
		t.Fatal(err)
	}
	if a.PID() == 0 {
		t.Error("it has no process")
	}
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	if a.PID() != 0 {
		t.Error("it has a process although it was stopped")
	}
	if err := a.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.WaitReady(t.Context(), token, 1); err != nil {
		t.Errorf("it is another one after a restart: %v", err)
	}
}
