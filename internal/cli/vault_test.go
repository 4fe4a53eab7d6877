package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A vault that cannot work is found before anything is started.
func TestAVaultThatIsNotHereIsAConfigurationError(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	recipe := t.TempDir()
	if err := os.WriteFile(filepath.Join(recipe, "Procfile"), []byte("web: sleep 60\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	state := Globals{State: filepath.Join(t.TempDir(), "state"), LogLevel: "error"}
	c := runCommand{Dir: recipe, vaultOptions: vaultOptions{Vault: vaultRestic}}
	err := c.Run(t.Context(), &state, streams{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}})
	var coded *exitError
	if !errors.As(err, &coded) || coded.code != exitConfiguration || !strings.Contains(err.Error(), "the program restic is not here: install it") {
		t.Fatalf("got %v", err)
	}
	if _, err := os.Stat(state.State); err == nil {
		t.Error("something was done before")
	}
	if err := (vaultOptions{Vault: "archive"}).check(t.Context()); err != nil {
		t.Errorf("the program itself needs %v", err)
	}
}

func TestAHarnessIsToldTheVault(t *testing.T) {
	for kind, want := range map[string]bool{"": false, "archive": false, vaultRestic: true} {
		c := serveCommand{vaultOptions: vaultOptions{Vault: kind}}
		args := c.harness("seatrial", &Globals{})("/folder").Args
		i := slices.Index(args, "--vault")
		if told := i > 0 && args[i+1] == vaultRestic && i+2 < len(args); told != want {
			t.Errorf("with %q: %v", kind, args)
		}
	}
}
