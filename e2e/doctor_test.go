package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"seatrial/bridge/forge/forgetest"
	"seatrial/bridge/forge/forgetest/realgitea"
)

// What doctor prints about a real Gitea, and about a GitHub with a token and as an App:
// read it with -v. Everything is ok but for the webhooks, which nobody has set up.

func TestDoctorOnARealGitea(t *testing.T) {
	t.Parallel()
	g := realgitea.New(t)
	token := doctorScene(t, g)
	examineAs(t, "--gitea-url", g.URL(), "--org", "surgery", "--gitea-token-file", token)
}

func TestDoctorOnGitHub(t *testing.T) {
	t.Parallel()
	server := forgetest.NewServerOf(t, forgetest.Options{Kind: forgetest.GitHub})
	token := doctorScene(t, server)
	app, err := server.AddApp("seatrial")
	if err == nil {
		_, err = server.InstallApp(app.ID, "surgery")
	}
	if err != nil {
		t.Fatal(err)
	}
	key := secretFile(t, string(app.Key))
	for _, as := range []string{fmt.Sprintf("token_file: %q", token), fmt.Sprintf("apps: [{id: %d, key_file: %q}]", app.ID, key)} {
		list := fmt.Sprintf("version: 1\nforges:\n  - {id: github, kind: github, url: %q, org: surgery, %s}\n", server.URL(), as)
		examineAs(t, "--forges", secretFile(t, list))
	}
}

// doctorScene makes an organisation with a bot that may write, and a repository. It
// returns the file of the bot's token.
func doctorScene(t *testing.T, w forgetest.World) string {
	t.Helper()
	_, err := w.AddUser("nurse")
	errs := []error{err, w.AddOrg("surgery"), w.AddMember("surgery", "nurse", forgetest.Write)}
	_, err = w.AddRepo("surgery", "app", "")
	token, failed := w.Token("nurse")
	if err := errors.Join(append(errs, err, failed)...); err != nil {
		t.Fatal(err)
	}
	return secretFile(t, token)
}

func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// examineAs runs doctor and shows what it prints; nothing must be missing or unknown.
func examineAs(t *testing.T, args ...string) {
	t.Helper()
	tests := t.TempDir()
	if err := os.Mkdir(filepath.Join(tests, "app"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tests, "app", "recipe.yaml"), []byte("version: 1\nrepo: surgery/app\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary(t, ""), append([]string{"doctor", "--tests", tests, "--state", filepath.Join(tests, "none")}, args...)...)
	out, err := cmd.CombinedOutput()
	t.Logf("%s\n%s", strings.Join(args, " "), out)
	if err != nil || strings.Contains(string(out), "✘") || strings.Contains(string(out), "? unknown") {
		t.Errorf("it ended with %v", err)
	}
}
