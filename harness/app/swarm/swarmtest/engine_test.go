package swarmtest_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"seatrial/harness/app/swarm/swarmtest"
)

func TestMain(m *testing.M) { os.Exit(swarmtest.Main(m)) }

const image = swarmtest.RegistryAddress + "/seatrial/guestbook:1.1.0"

// guestbook deploys one, and returns when it answers at a port of the engine's network.
func guestbook(t *testing.T, e *swarmtest.Engine, name, port string) {
	t.Helper()
	docker(t, e, "service", "create", "--detach", "--name", name, "--endpoint-mode", "dnsrr", "--publish", "mode=host,published="+port+",target=8080",
		"--mount", "type=volume,source="+name+",target=/data", image)
	answers(t, e, port)
}

func docker(t *testing.T, e *swarmtest.Engine, args ...string) string {
	t.Helper()
	out, err := e.Docker(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func answers(t *testing.T, e *swarmtest.Engine, port string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: e.Dial, DisableKeepAlives: true}, Timeout: 5 * time.Second}
	var last string
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		answer, err := client.Get("http://127.0.0.1:" + port + "/version")
		if err != nil {
			last = err.Error()
			continue
		}
		text, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if last = string(text); last == "1.1.0\n" {
			return
		}
	}
	t.Fatalf("gave up waiting for the guestbook: last seen %s", last)
}

func inventory(t *testing.T, e *swarmtest.Engine) []string {
	t.Helper()
	all, err := e.Inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func holds(all []string, prefix string) bool {
	return slices.ContainsFunc(all, func(line string) bool { return strings.HasPrefix(line, prefix) })
}

func TestAnEngineIsCrashedAndStartedAgainAndLeavesNothing(t *testing.T) {
	images := swarmtest.Images(t)
	dir, err := os.MkdirTemp("/tmp", "docker-")
	if err != nil {
		t.Fatal(err)
	}
	before := traces(t, dir)
	e, err := swarmtest.Start(t.Context(), dir, swarmtest.Options{Registry: images})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Stop() })
	if all := inventory(t, e); len(all) > 0 {
		t.Errorf("a new engine holds %q", all)
	}
	guestbook(t, e, "gb", "7000")
	if digests := docker(t, e, "images", "--digests", "--format", "{{.Repository}} {{.Digest}}"); !strings.Contains(digests, "guestbook sha256:") {
		t.Errorf("it was not pulled: %s", digests)
	}
	if all := inventory(t, e); !holds(all, "service gb") || !holds(all, "task gb.1") || !holds(all, "container gb.1") || !holds(all, "volume gb") {
		t.Errorf("something is not listed: %q", all)
	}

	daemon := e.PID()
	e.Kill()
	if e.PID() != 0 {
		t.Error("it has a process after a crash")
	}
	if _, err := e.Docker(t.Context(), "version"); err == nil {
		t.Error("it answers after a crash")
	}
	if err := e.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e.PID() == daemon {
		t.Error("it is the same process")
	}
	answers(t, e, "7000") // the swarm has remembered
	if err := e.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	answers(t, e, "7000")

	if len(traces(t, dir)) <= len(before) {
		t.Error("what is looked for cannot be found while it is there")
	}
	if err := e.Stop(); err != nil {
		t.Fatal(err)
	}
	if left := traces(t, dir); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	if err := e.Stop(); err != nil {
		t.Errorf("a second stop: %v", err)
	}
}

// traces are the processes, mounts, control groups and files of an engine, looked for
// as a stranger would.
func traces(t *testing.T, dir string) (all []string) {
	t.Helper()
	name := filepath.Base(dir)
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		if filepath.Base(p) == strconv.Itoa(os.Getpid()) {
			continue
		}
		for _, file := range []string{"cmdline", "cgroup", "mountinfo"} {
			// It may have ended since it was listed.
			if text, err := os.ReadFile(filepath.Join(p, file)); err == nil && strings.Contains(string(text), name) {
				all = append(all, p+"/"+file)
			}
		}
	}
	for _, pattern := range []string{"/sys/fs/cgroup/*/*" + name + "*", dir + "/*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

func TestEnginesDoNotMeet(t *testing.T) {
	one, other := swarmtest.Need(t), swarmtest.New(t, swarmtest.Options{})
	guestbook(t, one, "gb", "7000")
	if all := inventory(t, other); len(all) > 0 {
		t.Errorf("it sees the other's: %q", all)
	}
	if conn, err := other.Dial(t.Context(), "tcp", "127.0.0.1:7000"); err == nil {
		t.Error("it reaches the other's port")
		_ = conn.Close()
	}
	if conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", "127.0.0.1:7000"); err == nil {
		t.Error("the port is the machine's")
		_ = conn.Close()
	}
	guestbook(t, other, "gb", "7000")
	for _, e := range []*swarmtest.Engine{one, other} {
		docker(t, e, "service", "rm", "gb")
	}
	if swarmtest.Need(t) != one {
		t.Error("the shared engine is not shared")
	}
}

func TestOnlyWhatIsInTheRegistryCanBePulled(t *testing.T) {
	e := swarmtest.Need(t)
	for name, want := range map[string]string{
		swarmtest.RegistryAddress + "/seatrial/guestbook:9.9.9": "manifest unknown",
		swarmtest.RegistryAddress + "/seatrial/nothing:1":       "not found",
		"busybox:latest": "dial",
	} {
		if _, err := e.Docker(t.Context(), "pull", name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	docker(t, e, "pull", image)
	own := swarmtest.RegistryAddress + "/seatrial/own:1"
	docker(t, e, "tag", image, own)
	if _, err := e.Docker(t.Context(), "push", own); err == nil {
		t.Error("its registry was written to")
	}
}

// The process that starts an engine may be killed: go test kills what takes too long.
func TestAnEngineEndsWithItsStarter(t *testing.T) {
	images := swarmtest.Images(t)
	if dir := os.Getenv("SWARMTEST_STARTER"); dir != "" {
		if _, err := swarmtest.Start(t.Context(), dir, swarmtest.Options{Registry: images}); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+".up", nil, 0o600); err != nil {
			t.Fatal(err)
		}
		select {}
	}
	dir, err := os.MkdirTemp("/tmp", "docker-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(dir + ".up") })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "SWARMTEST_STARTER="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "the engine", func() bool { _, err := os.Stat(dir + ".up"); return err == nil })
	if len(traces(t, dir)) == 0 {
		t.Error("it is not there")
	}
	cancel() // SIGKILL
	_ = cmd.Wait()
	await(t, "its end", func() bool { return len(traces(t, dir)) == 0 })
}

func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !so(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("gave up waiting for %s", what)
		}
	}
}
