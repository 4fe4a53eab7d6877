package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"seatrial/harness/cluster"
	"seatrial/harness/cluster/agent"
	"seatrial/harness/cluster/setup"
	"seatrial/internal/must"
	"seatrial/recipes"
)

// nomads are the clusters of this test binary. Stories share them, each in namespaces
// of its own.
var nomads nomadHome

type nomadHome struct {
	mu         sync.Mutex
	one, chaos *nomadCluster
	all        []*agent.Agent
	dir        string
}

// open makes the folder of the agents. mu is held.
func (n *nomadHome) open() (err error) {
	if n.dir != "" {
		return nil
	}
	if n.dir, err = os.MkdirTemp("/tmp", "nomads-"); err == nil {
		err = os.Chmod(n.dir, 0o755) // an isolated app's user passes through
	}
	return err
}

// nomadCluster is a real Nomad, and its manager's token.
type nomadCluster struct {
	program string
	addr    string
	token   string
	client  *cluster.Client
	servers []*agent.Agent
	clients map[string]*agent.Agent // by node; empty where the cluster is somebody else's
}

// theNomad is a cluster of one agent, or the one that SEATRIAL_NOMAD_ADDR names.
func theNomad(t testing.TB) *nomadCluster {
	t.Helper()
	nomads.mu.Lock()
	defer nomads.mu.Unlock()
	if nomads.one != nil {
		return nomads.one
	}
	if addr := os.Getenv("SEATRIAL_NOMAD_ADDR"); addr != "" {
		client, err := cluster.NewClient(cluster.Config{Address: addr, Token: os.Getenv("SEATRIAL_NOMAD_TOKEN")})
		if err != nil {
			t.Fatal(err)
		}
		nomads.one = &nomadCluster{addr: addr, token: os.Getenv("SEATRIAL_NOMAD_TOKEN"), client: client}
		return nomads.one
	}
	program, err := agent.Find()
	must.Have(t, "nomad", err == nil, fmt.Sprint(err))
	roots, err := taskRoots(t)
	if err != nil {
		t.Fatal(err)
	}
	a, err := startNomad(agent.Options{Program: program, Name: "node-1", Meta: map[string]string{cluster.NodeCapabilities: "browser"}, ChrootEnv: roots})
	if err != nil {
		t.Fatal(err)
	}
	nomads.one = &nomadCluster{program: program, servers: []*agent.Agent{a}, clients: map[string]*agent.Agent{a.Name: a}}
	if err := nomads.one.open(a, 1); err != nil {
		t.Fatal(err)
	}
	return nomads.one
}

// taskRoots is what a task of the exec driver sees: a shell, and the guestbook's
// toolchain. nomads.mu is held.
func taskRoots(t testing.TB) (map[string]string, error) {
	busybox, err := exec.LookPath("busybox")
	must.Have(t, "nomad", err == nil, "there is no busybox: install Debian's busybox-static")
	if err := nomads.open(); err != nil {
		return nil, err
	}
	bin, tools := filepath.Join(nomads.dir, "bin"), filepath.Join(nomads.dir, "tools")
	files := map[string]string{filepath.Join(tools, "guestbook"): binary(t, "")}
	for _, name := range []string{"sh", "cat", "cp", "rm", "sleep"} {
		files[filepath.Join(bin, name)] = busybox
	}
	for to, from := range files {
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(to), 0o755)
		}
		if err == nil {
			err = os.WriteFile(to, text, 0o755)
		}
		if err != nil {
			return nil, err
		}
	}
	return map[string]string{bin: "/bin", tools: "/usr/local/bin"}, nil
}

// startNomad starts an agent that is wiped when the tests are over. nomads.mu is held.
func startNomad(o agent.Options) (*agent.Agent, error) {
	if err := nomads.open(); err != nil {
		return nil, err
	}
	o.Dir = filepath.Join(nomads.dir, o.Name)
	a, err := agent.Start(context.Background(), o)
	if a != nil {
		nomads.all = append(nomads.all, a)
	}
	return a, err
}

func (n *nomadCluster) open(a *agent.Agent, nodes int) (err error) {
	ctx := context.Background()
	n.addr = a.HTTP
	if n.token, err = a.Bootstrap(ctx); err != nil {
		return err
	}
	if err := a.WaitReady(ctx, n.token, nodes); err != nil {
		return err
	}
	n.client, err = cluster.NewClient(cluster.Config{Address: n.addr, Token: n.token})
	return err
}

// wipeNomads ends what theNomad and its kind began.
func wipeNomads() error {
	var failed []error
	for _, a := range nomads.all {
		failed = append(failed, a.Wipe())
	}
	if nomads.dir != "" {
		failed = append(failed, os.RemoveAll(nomads.dir))
	}
	return errors.Join(failed...)
}

// nomad runs Nomad's own command as the cluster's manager.
func (n *nomadCluster) nomad(args ...string) (string, error) {
	program := n.program
	if program == "" {
		program = "nomad"
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "NOMAD_ADDR="+n.addr, "NOMAD_TOKEN="+n.token)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("nomad %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// onNomad lets the story's runs go to a cluster, in namespaces of the story's own. env
// is for the tasks.
func (s *stage) onNomad(n *nomadCluster, env map[string]string) error {
	s.nomad = n
	s.namespaces = cluster.NamespacesFor("story-" + s.suffix)
	s.tokenFile = filepath.Join(s.dir, ".nomad-token")
	s.nodeState = filepath.Join(s.dir, "node")
	s.taskEnv = env
	if err := s.setUp(); err != nil {
		return err
	}
	_, err := setup.BridgeToken(context.Background(), n.client, s.setupOptions(nil), s.tokenFile)
	return err
}

// setUp does what an operator does after an enrolment was changed.
func (s *stage) setUp() error {
	book, err := recipes.Load(s.tests)
	if err == nil {
		_, err = setup.Apply(context.Background(), s.nomad.client, s.setupOptions(book.Enrolments))
	}
	return err
}

func (s *stage) setupOptions(enrolled []recipes.Enrolment) setup.Options {
	return setup.Options{
		Namespaces: s.namespaces, Binary: s.program, State: s.nodeState, Recipes: enrolled, Env: s.taskEnv,
		Settings: cluster.Settings{Share: []string{s.toolchain}, BuildEnv: []string{s.engine}}, LostAfter: nodeLostAfter,
	}
}

// bridgeOnNomad are the flags and the environment of a bridge whose runs go there.
func (s *stage) bridgeOnNomad() (flags, env []string) {
	if s.nomad == nil {
		return nil, nil
	}
	return []string{"--dispatch", "nomad", "--nomad-token-file", s.tokenFile},
		[]string{"NOMAD_ADDR=" + s.nomad.addr, "NOMAD_NAMESPACE=" + s.namespaces.Runs, "NOMAD_TOKEN="}
}

// offNomad takes the story off its cluster: all of it where that outlives the tests, or
// else what would go on by itself and write into a folder that is removed.
func (s *stage) offNomad() error {
	if len(s.nomad.servers) > 0 {
		_, _, err := s.nomad.client.Jobs().Deregister(cluster.JobJanitor, true, s.nomad.client.Write(context.Background(), s.namespaces.Runs))
		return err
	}
	return setup.Dismantle(context.Background(), s.nomad.client, s.setupOptions(nil))
}

// leftOnNomad looks for what runs made, by Nomad's own command.
func (s *stage) leftOnNomad() ([]string, error) {
	if s.nomad == nil {
		return nil, nil
	}
	var left []string
	for what, args := range map[string][]string{
		"a run's job":  {"job", "status", "-namespace", s.namespaces.Runs},
		"an app's job": {"job", "status", "-namespace", s.namespaces.Apps},
		"a volume":     {"volume", "status", "-type", "host", "-namespace", s.namespaces.Apps},
		"a variable":   {"var", "list", "-out", "table", "-namespace", s.namespaces.Runs},
	} {
		out, err := s.nomad.nomad(args...)
		if err != nil && !strings.Contains(out, "No variables") {
			return nil, err
		}
		for _, line := range lines(out)[min(1, len(lines(out))):] { // the first is the heading
			fields := strings.Fields(line)
			over := what == "a run's job" && (strings.Contains(line, "dead") || !strings.Contains(fields[0], "/") || strings.HasPrefix(fields[0], cluster.JobJanitor))
			over = over || what == "a variable" && fields[1] == cluster.SettingsPath // the operator's
			if !over && !strings.HasPrefix(line, "No ") && !strings.Contains(line, "==>") {
				left = append(left, what+" "+line)
			}
		}
	}
	litter, _ := filepath.Glob(filepath.Join(s.nodeState, "[wa]*", "*")) // work and attempts
	return append(left, litter...), nil
}
