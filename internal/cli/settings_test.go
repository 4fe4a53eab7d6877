package cli

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"seatrial/internal/exit"
	"seatrial/internal/perform"
	"seatrial/internal/server"
)

// A vault that cannot work is found before anything is started.
func TestAVaultThatIsNotHereIsAConfigurationError(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	recipe := t.TempDir()
	if err := os.WriteFile(filepath.Join(recipe, "Procfile"), []byte("web: sleep 60\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	state := Globals{State: filepath.Join(t.TempDir(), "state"), LogLevel: "error"}
	c := runCommand{Dir: recipe, settingsOptions: settingsOptions{vaultOptions: vaultOptions{Vault: perform.VaultRestic}}}
	err := c.Run(t.Context(), &state, streams{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}})
	var coded *exit.Error
	if !errors.As(err, &coded) || coded.Code != exit.Configuration || !strings.Contains(err.Error(), "the program restic is not here: install it") {
		t.Fatalf("got %v", err)
	}
	if _, err := os.Stat(state.State); err == nil {
		t.Error("something was done before")
	}
	if err := (vaultOptions{Vault: "archive"}).check(t.Context()); err != nil {
		t.Errorf("the program itself needs %v", err)
	}
}

func TestProxiesAreAddressesAndNetworks(t *testing.T) {
	if _, err := (hookOptions{TrustProxy: []string{"10.0.0.0/8", "proxy"}}).proxies(); err == nil || !strings.Contains(err.Error(), "write it like 10.0.0.7 or 10.0.0.0/8") {
		t.Errorf("got %v", err)
	}
	if all, err := (hookOptions{TrustProxy: []string{"10.0.0.7", "2001:db8::/32"}}).proxies(); err != nil || len(all) != 2 || all[0].Bits() != 32 {
		t.Errorf("%v, %v", all, err)
	}
}

// Whoever lists processes reads arguments.
func TestNoSettingIsAnArgumentOfTheHarness(t *testing.T) {
	c := serveCommand{
		Domain: "apps.example.org", Dispatch: server.Local, Poll: 1, Sweep: 1, Janitor: 1, KeepFiles: 1, KeepComments: 1, PlaceWithin: 1, Capacity: 1, Word: "!testme",
		waysOptions:  waysOptions{Schedule: "off"},
		forgeOptions: forgeOptions{GiteaURL: "https://git.example.org", GiteaToken: "s3cret", Org: "acme"},
	}
	c.BuildEnv, c.Share = []string{"NPM_TOKEN=s3cret"}, []string{t.TempDir()}
	config, err := c.config(t.Context(), &Globals{State: "/state", LogLevel: "info"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	cmd := config.Harness("/bin/seatrial", "/state/runs/1/1")
	if want := []string{"--state", "/state", "--log-level", "info", "harness", "/state/runs/1/1"}; !slices.Equal(cmd.Args[1:], want) {
		t.Errorf("got %q, want %q", cmd.Args[1:], want)
	}
	if strings.Contains(strings.Join(cmd.Env, "\n"), "s3cret") {
		t.Errorf("the harness's environment holds a secret: %q", cmd.Env)
	}
	if !slices.Equal(config.Settings.BuildEnv, c.BuildEnv) || !slices.Equal(config.Settings.Share, c.Share) {
		t.Errorf("the settings are %+v", config.Settings)
	}
}
