package setup_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"seatrial/harness/cluster/agent"
	"seatrial/harness/cluster/setup"
)

func TestBridgeToken(t *testing.T) {
	t.Parallel()
	a, client := start(t, agent.Options{NoClient: true})
	apply(t, client, setup.Options{})
	file := filepath.Join(t.TempDir(), "token")
	for _, want := range []setup.Did{setup.Made, setup.Unchanged} {
		change, err := setup.BridgeToken(t.Context(), client, setup.Options{}, file)
		if err != nil || change.Did != want {
			t.Errorf("%v, %v; want %v", change, err, want)
		}
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	bridge := clientFor(t, a, strings.TrimSpace(string(text)))
	token, _, err := bridge.ACLTokens().Self(nil)
	if err != nil || token.Type != "client" || len(token.Policies) != 1 || token.Policies[0] != "seatrial-bridge" {
		t.Errorf("%+v, %v", token, err)
	}

	refused := filepath.Join(t.TempDir(), "other")
	for text, want := range map[string]string{"": "is empty", "nonsense": "no token that this cluster knows", "11111111-2222-3333-4444-555555555555": "no token that this cluster knows"} {
		if err := os.WriteFile(refused, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := setup.BridgeToken(t.Context(), client, setup.Options{}, refused); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
		if got, err := os.ReadFile(refused); err != nil || string(got) != text {
			t.Errorf("%q was written over: %q, %v", text, got, err)
		}
	}
	// Who may not make tokens leaves no file.
	none := filepath.Join(t.TempDir(), "none")
	if _, err := setup.BridgeToken(t.Context(), bridge, setup.Options{}, none); err == nil {
		t.Error("a bridge made a token")
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("an empty file was left")
	}
}
