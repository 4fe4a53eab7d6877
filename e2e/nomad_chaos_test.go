package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"seatrial/bridge/forge/forgetest"
	"seatrial/harness/cluster"
	"seatrial/harness/cluster/agent"
	"seatrial/harness/run"
	"seatrial/internal/must"
)

// chaosVariable asks for the tests that need a cluster of several agents.
const chaosVariable = "SEATRIAL_CHAOS"

const (
	chaosServers = 3
	chaosClients = 2
)

// chaos are the faults that take several agents. Each has the cluster for itself, and
// leaves it as it was.
var chaos = []fault{
	{name: "SIGKILL of the client agent, and its return", do: (*crashed).clientAway},
	{name: "the client gone for good", do: (*crashed).clientGone, wants: []ending{passesAgain}},
	{name: "its node drained", do: (*crashed).drainNode, wants: []ending{passesAgain}},
	{name: "SIGKILL of the leader", do: (*crashed).leaderDies},
	{name: "every agent restarted, one by one", do: (*crashed).restartAll},
}

// TestChaosNomad does so on a cluster of three servers and two clients, and then all
// that TestNomadFaults does, and kills the bridge at each event.
func TestChaosNomad(t *testing.T) {
	must.Have(t, "chaos", os.Getenv(chaosVariable) != "", "it takes a quarter of an hour: make chaos-nomad")
	n := chaosNomad(t)
	tellFaults(t, n, chaos, 1)
}

// TestChaosNomadFaults is TestNomadFaults on that cluster.
func TestChaosNomadFaults(t *testing.T) {
	must.Have(t, "chaos", os.Getenv(chaosVariable) != "", "it takes a quarter of an hour: make chaos-nomad")
	tellFaults(t, chaosNomad(t), allFaults(), crashesAtOnce)
}

// chaosNomad starts the cluster, once.
func chaosNomad(t *testing.T) *nomadCluster {
	t.Helper()
	nomads.mu.Lock()
	defer nomads.mu.Unlock()
	if nomads.chaos != nil {
		return nomads.chaos
	}
	program, err := agent.Find()
	must.Have(t, "nomad", err == nil, fmt.Sprint(err))
	n := &nomadCluster{program: program, clients: map[string]*agent.Agent{}}
	var join []string
	for i := range chaosServers {
		a, err := startNomad(agent.Options{Program: program, Name: fmt.Sprintf("server-%d", i+1), NoClient: true, Expect: chaosServers, Join: join, Grace: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		n.servers = append(n.servers, a)
		join = append(join, a.Serf)
	}
	var servers []string
	for _, a := range n.servers {
		servers = append(servers, a.RPC)
	}
	if err := n.servers[0].WaitLeader(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range chaosClients {
		a, err := startNomad(agent.Options{Program: program, Name: fmt.Sprintf("client-%d", i+1), NoServer: true, Join: servers, Meta: map[string]string{cluster.NodeCapabilities: "browser"}})
		if err != nil {
			t.Fatal(err)
		}
		n.clients[a.Name] = a
	}
	if err := n.open(n.servers[0], chaosClients); err != nil {
		t.Fatal(err)
	}
	nomads.chaos = n
	return n
}

// node waits for the run's upgrade, and says on which node it is.
func (s *crashed) node() (name string, id string, err error) {
	if err := s.reaches(run.StageUpgrade); err != nil {
		return "", "", err
	}
	started, err := s.started()
	if err != nil {
		return "", "", err
	}
	alloc, _, err := s.nomad.client.Allocations().Info(started.Alloc, nil)
	if err != nil {
		return "", "", err
	}
	return alloc.NodeName, alloc.NodeID, nil
}

// clientAway kills the node's agent, not what it runs, and starts it again in time.
func (s *crashed) clientAway() error {
	name, _, err := s.node()
	if err != nil {
		return err
	}
	s.nomad.clients[name].Kill()
	time.Sleep(nodeLostAfter / 3)
	return s.nomad.clients[name].Restart(context.Background())
}

// clientGone takes the power from the run's node. When the run is over, the node comes
// back, and its janitor has to find what lies there.
func (s *crashed) clientGone() error {
	name, _, err := s.node()
	if err != nil {
		return err
	}
	s.nomad.clients[name].PowerOff()
	before := s.done
	s.done = func() error {
		if err := s.nomad.clients[name].Restart(context.Background()); err != nil {
			return err
		}
		if err := s.nomad.clients[name].WaitReady(context.Background(), s.nomad.token, chaosClients); err != nil {
			return err
		}
		if err := s.janitorCleans(); err != nil {
			return err
		}
		return before()
	}
	return nil
}

// janitorCleans lets the periodic janitor come now instead of later.
func (s *crashed) janitorCleans() error {
	return s.eventually("the janitor to have cleaned the node that came back", false, func() (bool, error) {
		litter, _ := filepath.Glob(filepath.Join(s.nodeState, "[wa]*", "*"))
		if len(litter) == 0 {
			return true, nil
		}
		_, err := s.nomad.nomad("job", "periodic", "force", "-detach", "-namespace", s.namespaces.Runs, cluster.JobJanitor)
		time.Sleep(3 * time.Second)
		return false, errors.Join(err, fmt.Errorf("left: %s", strings.Join(litter, "; ")))
	})
}

func (s *crashed) drainNode() error {
	name, id, err := s.node()
	if err != nil {
		return err
	}
	if _, err := s.nomad.nomad("node", "drain", "-enable", "-force", "-yes", "-detach", id); err != nil {
		return err
	}
	before := s.done
	s.done = func() error {
		if _, err := s.nomad.nomad("node", "drain", "-disable", "-yes", id); err != nil {
			return err
		}
		if err := s.nomad.clients[name].WaitReady(context.Background(), s.nomad.token, chaosClients); err != nil {
			return err
		}
		return before()
	}
	return nil
}

// leaderDies kills the leading server, and starts it again when another one leads.
func (s *crashed) leaderDies() error {
	if err := s.reaches(run.StageUpgrade); err != nil {
		return err
	}
	leader, err := s.leader()
	if err != nil {
		return err
	}
	leader.Kill()
	time.Sleep(nodeLostAfter / 2)
	return leader.Restart(context.Background())
}

func (s *crashed) leader() (*agent.Agent, error) {
	rpc, err := s.nomad.client.Status().Leader()
	if err != nil {
		return nil, err
	}
	for _, a := range s.nomad.servers {
		if a.RPC == rpc {
			return a, nil
		}
	}
	return nil, fmt.Errorf("nobody listens at %s, where the leader is said to", rpc)
}

func (s *crashed) restartAll() error {
	if err := s.reaches(run.StageUpgrade); err != nil {
		return err
	}
	for _, a := range s.nomad.agents() {
		if err := errors.Join(a.Stop(), a.Restart(context.Background())); err != nil {
			return err
		}
	}
	return nil
}

func (n *nomadCluster) agents() []*agent.Agent {
	all := append([]*agent.Agent{}, n.servers...)
	for _, a := range n.clients {
		if a != n.servers[0] {
			all = append(all, a)
		}
	}
	return all
}

// TestChaosNomadBridge kills the bridge right after each event that it journals, while
// its runs are on the cluster.
func TestChaosNomadBridge(t *testing.T) {
	must.Have(t, "chaos", os.Getenv(chaosVariable) != "", "it takes a quarter of an hour: make chaos-nomad")
	n := chaosNomad(t)
	server, program := forgetest.NewServer(t), binary(t, "failpoints")
	before, err := lookAround()
	if err != nil {
		t.Fatal(err)
	}
	table := &faultTable{}
	t.Cleanup(func() { table.print(t) })
	turns := make(chan struct{}, crashesAtOnce)
	for _, c := range crashes {
		t.Run(c.point, func(t *testing.T) {
			dir, told := t.TempDir(), make(chan error, 1)
			go func() {
				turns <- struct{}{}
				defer func() { <-turns }()
				told <- tellCrash(server, program, dir, before, onCluster(c, n), func(s *crashed) error {
					if err := s.bridgeDies(); err != nil {
						return err
					}
					began := time.Now()
					s.done = func() error { return table.add(s, fault{name: "the bridge killed at " + c.point}, time.Since(began)) }
					return nil
				})
			}()
			t.Parallel()
			if err := <-told; err != nil {
				t.Error(err)
			}
		})
	}
}

// onCluster lets a crash story's runs go to a cluster.
func onCluster(c crash, n *nomadCluster) crash {
	prepare := c.before
	c.before = func(s *crashed) error {
		if err := s.onNomad(n, map[string]string{"TMPDIR": s.temp()}); err != nil || prepare == nil {
			return err
		}
		return prepare(s)
	}
	return c
}
