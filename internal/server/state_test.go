package server

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"seatrial/bridge/command"
	"seatrial/bridge/forges"
	"seatrial/bridge/schedule"
	"seatrial/internal/exit"
	"seatrial/internal/state"
	"seatrial/secrets"
)

// spoilt are the ways in which full disks, restores and hands leave what lies in a state
// folder. Each replaces what is there.
var spoilt = map[string]func(path string) error{
	"empty":     func(path string) error { return os.WriteFile(path, nil, 0o600) },
	"truncated": func(path string) error { return cutShort(path) },
	"garbage":   func(path string) error { return os.WriteFile(path, []byte("\x00\x01{[\n"), 0o600) },
	"a folder":  func(path string) error { return errors.Join(os.RemoveAll(path), os.Mkdir(path, 0o700)) },
	"a loop":    func(path string) error { return errors.Join(os.RemoveAll(path), os.Symlink(filepath.Base(path), path)) },
}

func cutShort(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text[:len(text)/2], 0o600)
}

// Whatever became of a thing in the state folder, a start either does without it, or says
// which it is and what to do.
func TestEachStartSaysWhatIsWrongInTheStateFolder(t *testing.T) {
	whole := wholeConfig(t)
	// It is large, and each start puts it back.
	if err := os.RemoveAll(whole.State.Path(state.ProgramsDir)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{state.JournalFile, "instance", "serve.lock", "address", state.TokensFile, filepath.Join(state.WebhookDir, "gitea")} {
		for how, spoil := range spoilt {
			t.Run(name+" "+how, func(t *testing.T) {
				t.Parallel()
				c := copied(t, whole)
				path := c.State.Path(name)
				if err := spoil(path); err != nil {
					t.Fatal(err)
				}
				checkStart(t, c, path)
			})
		}
	}
	for _, name := range []string{state.RunsDir, state.WorkDir, state.MirrorsDir, state.PrivateDir, state.ScratchDir, state.ProgramsDir} {
		t.Run(name+" a file", func(t *testing.T) {
			t.Parallel()
			c := copied(t, whole)
			path := c.State.Path(name)
			if err := errors.Join(os.RemoveAll(path), os.WriteFile(path, nil, 0o600)); err != nil {
				t.Fatal(err)
			}
			checkStart(t, c, path)
		})
	}
}

// checkStart wants a start, or a sentence that names the path.
func checkStart(t *testing.T, c Config, path string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	sv, err := New(ctx, c)
	if err == nil {
		sv.Close()
		return
	}
	var coded *exit.Error
	if !errors.As(err, &coded) || coded.Code != exit.Configuration {
		t.Errorf("got %v, want an error of the configuration", err)
	}
	text := err.Error()
	if !strings.Contains(text, path) {
		t.Errorf("%q does not say which file it is", text)
	}
	if !slices.ContainsFunc([]string{"remove", "put a copy", "put it back", "move it away", "choose another"}, func(what string) bool { return strings.Contains(text, what) }) {
		t.Errorf("%q does not say what to do", text)
	}
}

// copied is the same, with a copy of the state folder.
func copied(t *testing.T, c Config) Config {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "state")
	if said, err := exec.Command("cp", "-a", string(c.State), folder).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	c.State = state.Folder(folder)
	return c
}

// wholeConfig is of a server that has started once, and has a token and a webhook's secret.
func wholeConfig(t *testing.T) Config {
	t.Helper()
	grammar, err := command.NewGrammar("!testme")
	if err != nil {
		t.Fatal(err)
	}
	folder := state.Folder(filepath.Join(t.TempDir(), "state"))
	c := Config{
		State: folder, Tests: t.TempDir(), Listen: "127.0.0.1:0", Executor: Local, Capacity: 1, Word: "!testme", Grammar: grammar,
		Schedule: "off", Night: schedule.DefaultNight, Poll: time.Hour, Sweep: time.Hour, Janitor: time.Hour, KeepFiles: time.Hour,
		Forges:  []forges.Forge{{ID: "gitea", Kind: forges.Gitea, URL: "http://127.0.0.1:1", Org: "acme", Token: secrets.New("t0ken")}},
		Harness: func(_, _ string) *exec.Cmd { return exec.Command("true") }, Log: slog.New(slog.DiscardHandler),
	}
	if _, err := folder.Own(state.WebhookDir); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{folder.WebhookFile("gitea"): "s3cret-of-webhooks\n", folder.Path(state.TokensFile): `[{"name": "ci", "kind": "api", "hash": "00"}]`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sv, err := New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	sv.Close()
	return c
}
