package e2e_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"seatrial/bridge/forge/forgetest"
	"seatrial/harness/app/swarm/swarmtest"
	"seatrial/harness/run"
	"seatrial/recipes/examples"
)

// swarmRecipes are the Co-op Cloud recipes that are enrolled here, and their true levels.
var swarmRecipes = map[string]int{"guestbook-swarm": run.MaxLevel, "pocketbase-swarm": run.MaxLevel, "ledger": run.MaxLevel}

// TestSwarmRecipes runs each on a real Docker Engine.
func TestSwarmRecipes(t *testing.T) {
	e := swarmtest.Need(t)
	t.Parallel()
	for name, level := range swarmRecipes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			enrolment, err := examples.Enrolment(name)
			if err != nil {
				t.Fatal(err)
			}
			got := examineOn(t, e, name, enrolment, func(dir string) error { return examples.Write(t.Context(), name, dir) }, "--vault", "restic")
			if got.Verdict != run.VerdictPass || got.Level != level {
				t.Errorf("%s at level %d, want a pass at level %d: %s\n%s", got.Verdict, got.Level, level, got.WouldRaise, told(got.Report))
			}
		})
	}
}

// TestSwarmFromAComment lets a member ask for it on a pull request, through the server.
func TestSwarmFromAComment(t *testing.T) {
	e := swarmtest.Need(t)
	t.Parallel()
	s, err := newStageOf("guestbook-swarm", forgetest.NewServer(t), t.TempDir(), binary(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	s.docker = e
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%v\n%s", err, s.lastWords())
		}
	}
	check(s.serve())
	defer s.bridge.stop()
	s.comment, err = s.world.Comment(s.repo, s.pull, s.name("anna"), "!testme")
	check(err)
	check(s.expectApp("Guestbook"))
	check(s.expectStatus(false, []string{"success"}))
	reports, err := s.reports()
	check(err)
	if r := reports[0]; r.Verdict() != run.VerdictPass || r.Level() != run.MaxLevel || len(r.Leftovers) > 0 {
		t.Errorf("the run is %s at level %d with %v left over: %s\n%s", r.Verdict(), r.Level(), r.Leftovers, r.WouldRaise(), s.lastWords())
	}
	left, err := s.leftInDocker()
	check(err)
	if len(left) > 0 {
		t.Errorf("the docker program still lists\n%s", strings.Join(left, "\n"))
	}
}

// TestSwarmTwoAtOnce keeps two apps of one recipe up at the same time: neither finds the
// other, by name or by address, and each keeps its own data and secrets.
func TestSwarmTwoAtOnce(t *testing.T) {
	e := swarmtest.Need(t)
	t.Parallel()
	dir := t.TempDir()
	source := filepath.Join(dir, "ledger")
	if err := examples.Write(t.Context(), "ledger", source); err != nil {
		t.Fatal(err)
	}
	if err := examples.WriteEnrolment("ledger", "harbour/ledger", filepath.Join(dir, "tests")); err != nil {
		t.Fatal(err)
	}
	var stacks []string
	for i := range 2 {
		cmd := exec.CommandContext(t.Context(), binary(t, ""), "--state", filepath.Join(dir, fmt.Sprint("state", i)), "run", source, "--commit", examples.PullBranch,
			"--enrolment", filepath.Join(dir, "tests", "ledger"), "--docker", e.Host, "--only", "install", "--keep", "--out", filepath.Join(dir, fmt.Sprint("out", i)))
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		cmd.WaitDelay = run.TeardownBudget
		stack, end := keptUp(t, cmd)
		defer end()
		stacks = append(stacks, stack)
	}
	in := func(stack string, args ...string) string {
		t.Helper()
		id, err := e.Docker(t.Context(), "ps", "--quiet", "--filter", "label=com.docker.swarm.service.name="+stack+"_app")
		if err != nil {
			t.Fatal(err)
		}
		said, err := e.Docker(t.Context(), append([]string{"exec", strings.TrimSpace(id)}, args...)...)
		if err != nil {
			said += err.Error()
		}
		return said
	}
	addresses := func(stack string) []string {
		t.Helper()
		id, err := e.Docker(t.Context(), "ps", "--quiet", "--filter", "label=com.docker.swarm.service.name="+stack+"_app")
		if err != nil {
			t.Fatal(err)
		}
		list, err := e.Docker(t.Context(), "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}", strings.TrimSpace(id))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(list)
	}
	const ask = `printf 'GET /version HTTP/1.0\r\n\r\n' | nc -w 2 `
	secrets := map[string]bool{}
	for i, stack := range stacks {
		own, others := addresses(stack), addresses(stacks[1-i])
		if len(own) != 2 || len(others) != 2 {
			t.Fatalf("addresses: %q and %q", own, others)
		}
		names := in(stack, "nslookup", "app")
		if !slices.ContainsFunc(own, func(a string) bool { return strings.Contains(names, a) }) {
			t.Errorf("%s does not resolve app to itself:\n%s", stack, names)
		}
		for _, address := range others {
			if strings.Contains(names, "Address: "+address+"\n") {
				t.Errorf("%s resolves app to the other one:\n%s", stack, names)
			}
			if said := in(stack, "sh", "-c", ask+address+" 8080"); strings.Contains(said, "200 OK") {
				t.Errorf("%s reaches the other one at %s: %s", stack, address, said)
			}
		}
		if said := in(stack, "sh", "-c", ask+own[0]+" 8080"); !strings.Contains(said, "200 OK") {
			t.Errorf("%s does not reach itself: %s", stack, said)
		}
		secrets[in(stack, "cat", "/run/secrets/db_password")] = true
	}
	if len(secrets) != 2 {
		t.Error("both have one password")
	}
}

var staysUp = regexp.MustCompile(`the app stays up at https?://([a-z0-9-]+)\.`)

// keptUp starts a run that keeps its app up, and returns the app's name when it is, and
// what ends it.
func keptUp(t *testing.T, cmd *exec.Cmd) (label string, end func()) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		said = append(said, lines.Text())
		if m := staysUp.FindStringSubmatch(lines.Text()); m != nil {
			label = m[1]
			break
		}
	}
	drained := make(chan struct{})
	go func() {
		for lines.Scan() {
		}
		close(drained)
	}()
	end = func() {
		_ = cmd.Process.Signal(os.Interrupt)
		<-drained
		_ = cmd.Wait()
	}
	if label == "" {
		end()
		t.Fatalf("no app stays up\n%s", strings.Join(said, "\n"))
	}
	return label, end
}
