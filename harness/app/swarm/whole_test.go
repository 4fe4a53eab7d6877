package swarm

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"

	"seatrial/harness/app"
	"seatrial/recipes"
)

func wantFault(t *testing.T, err error, says string) *app.Fault {
	t.Helper()
	f, ok := errors.AsType[*app.Fault](err)
	if !ok || !strings.Contains(f.Summary, says) {
		t.Fatalf("want a fault that says %q, got %v", says, err)
	}
	return f
}

// withSecret is the recipe of one service that has a secret and a config.
func withSecret(version, line string) string {
	text := strings.Replace(composeOf(version, line), "    networks: [proxy, internal]\n", `    networks: [proxy, internal]
    secrets: [key]
    configs:
      - source: conf
        target: /etc/guest.conf
`, 1)
	return text + `secrets:
  key: {external: true, name: "${STACK_NAME}_key_${SECRET_KEY_VERSION}"}
configs:
  conf: {name: "${STACK_NAME}_conf_${CONF_VERSION}", file: guest.conf}
`
}

var secretFiles = []string{".env.sample", "SECRET_KEY_VERSION=v1 # length=24\n", "abra.sh", "export CONF_VERSION=v1\n", "guest.conf", "colour=green\n"}

func TestSecretsAndConfigs(t *testing.T) {
	e := need(t)
	t.Parallel()
	a, _ := newApp(t, e)
	noError(t, a.Deploy(t.Context(), release(t, "1.0.0", withSecret("1.0.0", "exec ./guest serve"), secretFiles...)))
	read := func() string {
		t.Helper()
		got, err := a.Exec(t.Context(), app.Command{Shell: "cat /run/secrets/key; echo; cat /etc/guest.conf"})
		noError(t, err)
		return got.Output
	}
	running := read()
	key, rest, _ := strings.Cut(running, "\n")
	if len(key) != 24 || rest != "colour=green\n" {
		t.Fatalf("the service reads %q", running)
	}
	noError(t, a.Stop(t.Context()))
	if stopped := read(); stopped != running {
		t.Errorf("beside the stopped app, a command reads %q, want %q", stopped, running)
	}
	// The same password after everything was destroyed: a restored database meets it.
	noError(t, a.Destroy(t.Context()))
	noError(t, a.Deploy(t.Context(), release(t, "1.0.0", withSecret("1.0.0", "exec ./guest serve"), secretFiles...)))
	if again := read(); again != running {
		t.Errorf("installed again, it reads %q, want %q", again, running)
	}
	changed := append([]string{}, secretFiles...)
	changed[5] = "colour=blue\n"
	f := wantFault(t, a.Upgrade(t.Context(), release(t, "2.0.0", withSecret("2.0.0", "exec ./guest serve"), changed...)), "its name was not")
	if !strings.Contains(strings.Join(f.Evidence, "\n"), "compose.yml:") {
		t.Errorf("the evidence names no place: %q", f.Evidence)
	}
}

func TestTheEnrolmentSaysWhatASecretIs(t *testing.T) {
	e := need(t)
	t.Parallel()
	a, _ := newApp(t, e, func(c *Config) {
		c.Enrolment.Secrets = map[string]recipes.Secret{"key": {Value: "from-the-enrolment"}}
	})
	noError(t, a.Deploy(t.Context(), release(t, "1.0.0", withSecret("1.0.0", "exec ./guest serve"), secretFiles...)))
	got, err := a.Exec(t.Context(), app.Command{Args: []string{"cat", "/run/secrets/key"}})
	noError(t, err)
	if got.Output != "from-the-enrolment" {
		t.Errorf("the secret is %q", got.Output)
	}
}

func TestASecretOfAnotherIsNotTaken(t *testing.T) {
	e := need(t)
	t.Parallel()
	made, err := e.SecretCreate(t.Context(), client.SecretCreateOptions{Spec: swarm.SecretSpec{Annotations: swarm.Annotations{Name: "everybodys_key"}, Data: []byte("x")}})
	noError(t, err)
	t.Cleanup(func() {
		_, err := e.SecretRemove(context.Background(), made.ID, client.SecretRemoveOptions{})
		noError(t, err)
	})
	a, _ := newApp(t, e)
	text := strings.Replace(withSecret("1.0.0", "exec ./guest serve"), `"${STACK_NAME}_key_${SECRET_KEY_VERSION}"`, "everybodys_key", 1)
	wantFault(t, a.Deploy(t.Context(), release(t, "1.0.0", text, secretFiles...)), "is another's")
	noError(t, a.Destroy(t.Context()))
	if _, err := e.SecretInspect(t.Context(), made.ID, client.SecretInspectOptions{}); err != nil {
		t.Errorf("another's secret is gone: %v", err)
	}
}

// A service that waits for its database by crashing is no crash loop, as long as the
// database is on its way.
func TestAnAppMayWaitForItsDatabaseByCrashing(t *testing.T) {
	e := need(t)
	t.Parallel()
	a, _ := newApp(t, e)
	text := strings.Replace(composeOf("1.0.0", "[ -e /data/ready ] || exit 1; exec ./guest serve"), "volumes: {data: }", `  db:
    image: `+guestImage+`:1.0.0
    command: ["sh", "-c", "sleep 15; touch /data/ready; exec ./guest serve"]
    volumes: ["data:/data"]
    networks: [internal]
    healthcheck: {test: ["CMD", "wget", "-qO-", "http://127.0.0.1:8080/version"], interval: 1s, start_period: 30s}
volumes: {data: }`, 1)
	noError(t, a.Deploy(t.Context(), release(t, "1.0.0", text)))
	all, err := a.survey(t.Context())
	noError(t, err)
	for _, s := range all {
		if s.up != 1 {
			t.Errorf("%s: %s", s.name, s.stands())
		}
	}
}

func TestAPlaceFindsAndRemovesWhatIsOurs(t *testing.T) {
	e := need(t)
	t.Parallel()
	a, _ := newApp(t, e)
	noError(t, a.Deploy(t.Context(), release(t, "1.0.0", withSecret("1.0.0", "exec ./guest serve"), secretFiles...)))
	mine := func() (kinds []string) {
		t.Helper()
		all, err := Place{e}.Objects(t.Context())
		noError(t, err)
		for _, o := range all {
			if o.Labels.Run == a.cfg.Labels.Run {
				kinds = append(kinds, o.Kind)
			}
		}
		return kinds
	}
	// What was made first is listed first. The service's container is ours as well.
	if got, want := strings.Join(mine(), " "), "network network volume config secret container service"; got != want {
		t.Errorf("found %s, want %s", got, want)
	}
	swept, trouble, err := app.Clean(t.Context(), []app.Place{Place{e}}, a.cfg.Labels.Run, 1)
	noError(t, errors.Join(trouble, err))
	if left := mine(); len(left) > 0 || len(swept.Leftovers) > 0 || swept.Removed != 7 {
		t.Errorf("removed %d, left %v", swept.Removed, left)
	}
}

func TestAPlaceRemovesNothingElse(t *testing.T) {
	e := need(t)
	t.Parallel()
	_, err := e.VolumeCreate(t.Context(), client.VolumeCreateOptions{Name: "somebody-elses"})
	noError(t, err)
	t.Cleanup(func() {
		_, err := e.VolumeRemove(context.Background(), "somebody-elses", client.VolumeRemoveOptions{})
		noError(t, err)
	})
	a, _ := newApp(t, e)
	ours := a.cfg.Labels
	for _, o := range []app.Object{
		{Kind: KindVolume, ID: "somebody-elses", Labels: ours}, {Kind: KindVolume, ID: "somebody-elses"}, {Kind: KindVolume, Labels: ours}, {Kind: "node", ID: "x", Labels: ours},
	} {
		if err := (Place{e}).Remove(t.Context(), o); err == nil {
			t.Errorf("%+v was removed", o)
		}
	}
	noError(t, Place{e}.Remove(t.Context(), app.Object{Kind: KindVolume, ID: "never-was", Labels: ours}))
	if _, err := e.VolumeInspect(t.Context(), "somebody-elses", client.VolumeInspectOptions{}); err != nil {
		t.Error(err)
	}
}

func TestVolumesWithoutANameAreStrays(t *testing.T) {
	e := need(t)
	t.Parallel()
	a, _ := newApp(t, e)
	text := strings.Replace(composeOf("1.0.0", "echo x >/cellar/wine; exec ./guest serve"), `["data:/data"]`, `["data:/data", "/cellar"]`, 1)
	noError(t, a.Deploy(t.Context(), release(t, "1.0.0", text)))
	var strays []app.Stray
	var err error
	for deadline := time.Now().Add(10 * time.Second); len(strays) == 0 && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		strays, err = a.Strays(t.Context())
		noError(t, err)
	}
	if len(strays) != 1 || strays[0].Path != "/cellar/" || strays[0].Size != 2 || strays[0].Database {
		t.Errorf("strays: %+v", strays)
	}
}

func TestLinksInAVolumeLeadNowhere(t *testing.T) {
	e := need(t)
	t.Parallel()
	a, _ := newApp(t, e)
	noError(t, a.Deploy(t.Context(), release(t, "1.0.0", composeOf("1.0.0", "exec ./guest serve"))))
	secret := filepath.Join(t.TempDir(), "secret")
	noError(t, os.WriteFile(secret, []byte("ours"), 0o666))
	dir, err := a.folderOf(t.Context(), "data")
	noError(t, err)
	defer dir.Close()
	for link, to := range map[string]string{"out": secret, "users.db": "/etc/passwd"} {
		noError(t, os.Symlink(to, filepath.Join(dir.Name(), link)))
	}
	if content, err := a.Get(t.Context(), "data", "out"); err == nil {
		t.Errorf("a link was followed: %q", content)
	}
	if err := a.Put(t.Context(), "data", "out", []byte("theirs")); err == nil {
		t.Error("a link was written through")
	}
	if list, err := a.Databases(t.Context()); err != nil || len(list) > 0 {
		t.Errorf("databases: %v %v", list, err)
	}
	if content, err := os.ReadFile(secret); err != nil || string(content) != "ours" {
		t.Errorf("the file outside is now %q, %v", content, err)
	}
}

func TestAnAppThatListensToItselfAloneIsNotReached(t *testing.T) {
	e := need(t)
	t.Parallel()
	a, _ := newApp(t, e)
	noError(t, a.Deploy(t.Context(), release(t, "1.0.0", composeOf("1.0.0", "LISTEN=127.0.0.1 exec ./guest serve"))))
	if conn, err := a.Dial(t.Context()); err == nil {
		conn.Close()
		t.Error("it is reached, though nobody else would reach it")
	}
}
