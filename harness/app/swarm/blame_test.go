package swarm

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/distribution/reference"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/swarm"

	"seatrial/harness/app"
	"seatrial/harness/run"
	"seatrial/recipes/compose"
)

// ours are errors that blame nobody but the machine; the others blame the recipe.
func TestWhoIsToBlameForWhatDockerSays(t *testing.T) {
	recipe := &compose.Recipe{Files: []string{"compose.yml"}}
	service := compose.Service{Name: "app", Image: "registry.example/app:1"}
	pull := func(said string) error { return blamePull(recipe, service, errors.New(said)) }
	task := func(said string) error { return infrastructure(swarm.Task{Status: swarm.TaskStatus{Err: said}}) }
	node := func(said string) error {
		return (&App{}).homeless(standing{name: "app"}, swarm.Task{Status: swarm.TaskStatus{Err: said}})
	}
	for _, c := range []struct {
		what  string
		err   error
		fault bool
		says  string
	}{
		{"a tag that is not there", pull("manifest for registry.example/app:1 not found: manifest unknown: manifest unknown"), true, "is not in its registry"},
		{"a repository that is not there", pull("pull access denied for app, repository does not exist or may require 'docker login'"), true, "is not in its registry"},
		{"the registry's limit", pull("toomanyrequests: You have reached your pull rate limit."), false, "the registry's limit is reached"},
		{"no credentials", pull("unauthorized: authentication required"), false, "--registry-auth"},
		{"a full disk while pulling", pull("failed to register layer: write /x: no space left on device"), false, "the disk is full"},
		{"a registry that is away", pull("Get \"https://registry.example/v2/\": dial tcp: connection refused"), false, "connection refused"},
		{"a changed config", refused("failed to update config x_conf_v1: Error response from daemon: rpc error: code = InvalidArgument desc = only updates to Labels are allowed"), true, "its name was not"},
		{"an engine that is away", refused("Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?"), false, "Docker does not answer"},
		{"no more addresses", refused("failed to create network x: could not find an available, non-overlapping IPv4 address pool"), false, "addresses are exhausted"},
		{"what else the docker program refuses", refused("service \"app\": undefined volume \"data\""), true, "undefined volume"},
		{"a full disk", task("starting container failed: mkdir /x: no space left on device"), false, "the disk is full"},
		{"a network without addresses", task("node is missing network attachments, ip addresses may be exhausted"), false, "addresses are exhausted"},
		{"an impossible constraint", node("no suitable node (scheduling constraints not satisfied on 1 node)"), true, "finds no node"},
		{"a machine that is too small", node("no suitable node (insufficient resources on 1 node)"), false, "no room"},
	} {
		t.Run(c.what, func(t *testing.T) {
			f, blamed := errors.AsType[*app.Fault](c.err)
			if c.err == nil || blamed != c.fault {
				t.Fatalf("blames the recipe: %v, want %v: %v", blamed, c.fault, c.err)
			}
			text := c.err.Error()
			if blamed {
				text = f.Summary
			}
			if !strings.Contains(text, c.says) {
				t.Errorf("it says %q, without %q", text, c.says)
			}
		})
	}
	if err := task("task: non-zero exit (7)"); err != nil {
		t.Errorf("an app's own end is blamed on the machine: %v", err)
	}
}

func TestVariablesThatSteerTheDockerProgramAreRefused(t *testing.T) {
	for _, name := range []string{"LD_PRELOAD", "DOCKER_HOST", "docker_config", "PATH", "https_proxy", "GODEBUG"} {
		err := Program{Host: "unix:///nowhere"}.Deploy(t.Context(), "x", nil, map[string]string{name: "x"})
		if _, blamed := errors.AsType[*app.Fault](err); !blamed {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"DOMAIN", "STACK_NAME", "SECRET_DB_PASSWORD_VERSION", "APP_PATH", "LDAP_HOST"} {
		if othersVariable(name) {
			t.Errorf("%s is refused", name)
		}
	}
}

func TestLabelsGoThereAndBack(t *testing.T) {
	want := run.Labels{Instance: "here", Run: run.NewID(time.Now()), Attempt: 2, Expires: time.Now().UTC().Truncate(time.Second)}
	got, ok := readLabels(labelsFor(want, "gues-012345"))
	if !ok || got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, missing := range []string{labelInstance, labelRun, labelAttempt, labelExpires} {
		labels := labelsFor(want, "x")
		delete(labels, missing)
		if _, ok := readLabels(labels); ok {
			t.Errorf("without %s it counts as ours", missing)
		}
	}
}

func TestCredentialsForRegistries(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, []byte(`{"auths": {"https://index.docker.io/v1/": {"auth": "YW5uYTpzZWNyZXQ="}, "registry.example:5000": {"username": "bob", "password": "x"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := readAuth(file)
	if err != nil {
		t.Fatal(err)
	}
	for image, user := range map[string]string{"nginx": "anna", "docker.io/x/y:1": "anna", "registry.example:5000/z": "bob", "other.example/z": ""} {
		named, err := reference.ParseNormalizedNamed(image)
		if err != nil {
			t.Fatal(err)
		}
		if c, _ := a.of(named); c.Username != user {
			t.Errorf("%s is pulled by %q, want %q", image, c.Username, user)
		}
		if header, err := a.header(named); err != nil || (header == "") != (user == "") {
			t.Errorf("%s: %q, %v", image, header, err)
		}
	}
	for text, says := range map[string]string{"no JSON": "config.json"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readAuth(file); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := readAuth(file + ".none"); err == nil {
		t.Error("a file that is not there is read")
	}
}

func TestGeneratedSecrets(t *testing.T) {
	a := &App{values: map[string]string{}}
	first, err := a.secretValue(compose.Secret{Name: "key", Full: "x_key_v1", Length: 64})
	if err != nil || len(first) != 64 || strings.Trim(first, secretLetters) != "" {
		t.Errorf("%q, %v", first, err)
	}
	hex, err := a.secretValue(compose.Secret{Name: "hex", Full: "x_hex_v1", Length: 40, Charset: "hex"})
	if err != nil || len(hex) != 40 || strings.Trim(hex, "0123456789abcdef") != "" {
		t.Errorf("%q, %v", hex, err)
	}
	if value, err := a.secretValue(compose.Secret{Name: "given", Full: "x_given_v1", Manual: true}); err == nil || !strings.Contains(err.Error(), "secrets.given.value") {
		t.Errorf("what nobody can generate is %q, %v", value, err)
	}
	again, _ := a.secretValue(compose.Secret{Name: "key", Full: "x_key_v1", Length: 64})
	raised, _ := a.secretValue(compose.Secret{Name: "key", Full: "x_key_v2"})
	if again != first || raised == first || len(raised) != usualLength {
		t.Errorf("again %q, raised %q", again, raised)
	}
}

// The engine calls every container unhealthy that has ended: what counts is how often the
// check failed.
func TestWhatItsHealthcheckEnded(t *testing.T) {
	for _, c := range []struct {
		streak, retries int
		want            bool
	}{{0, 0, false}, {2, 0, false}, {3, 0, true}, {3, 5, false}, {5, 5, true}} {
		inspected := container.InspectResponse{
			State:  &container.State{Health: &container.Health{Status: container.Unhealthy, FailingStreak: c.streak}},
			Config: &container.Config{Healthcheck: &container.HealthConfig{Retries: c.retries}},
		}
		if got := failedHealth(inspected); got != c.want {
			t.Errorf("after %d failures of %d: %v", c.streak, c.retries, got)
		}
	}
	if failedHealth(container.InspectResponse{State: &container.State{}}) {
		t.Error("a container without a healthcheck was ended by it")
	}
}
