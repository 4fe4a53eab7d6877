// Package agent starts Nomad agents on loopback, for the demo and for the tests.
//
// Everything of an agent lies in one folder, also where it listens, so that an agent
// that was stopped or killed is started again as the same one. ACLs are on. The
// package ends only what it started, and leaves nothing running behind Stop. It is no
// way to run Nomad for anything else: nothing is encrypted.
package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/nomad/api"
	"golang.org/x/sys/unix"

	"seatrial/harness/cluster"
)

// Variable names the Nomad program to start, before PATH is searched.
const Variable = "SEATRIAL_NOMAD_PROGRAM"

// bootLimit is for an agent to answer; a machine may be busy.
const bootLimit = 90 * time.Second

// ErrNoProgram says that there is no Nomad to start.
var ErrNoProgram = errors.New("there is no nomad program: install Nomad, name it in " + Variable + ", or build one with dev/nomad/build")

// Find looks for a Nomad program: in the environment, in PATH, and where
// dev/nomad/build puts it, above the current folder.
func Find() (string, error) {
	if named := os.Getenv(Variable); named != "" {
		return exec.LookPath(named)
	}
	if found, err := exec.LookPath("nomad"); err == nil {
		return found, nil
	}
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		built := filepath.Join(dir, ".cache", "bin", "nomad")
		if info, err := os.Stat(built); err == nil && info.Mode()&0o111 != 0 {
			return built, nil
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	return "", ErrNoProgram
}

// Agent is one process.
type Agent struct {
	Options
	HTTP string // http://host:port
	RPC  string // host:port
	Serf string // host:port, to which other servers join
	// allocs is where allocations lie. A task's socket to the API lies deep in there,
	// and its whole path may have 107 bytes (sun_path, unix(7)).
	allocs string

	mu    sync.Mutex
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process has
}

// Start starts an agent and returns when it answers. A client is ready when
// WaitReady says so.
func Start(ctx context.Context, o Options) (*Agent, error) {
	o.Name = cmp.Or(o.Name, filepath.Base(o.Dir))
	a := &Agent{Options: o}
	ports, err := freePorts(3)
	if err != nil {
		return nil, fmt.Errorf("cannot start Nomad: %w", err)
	}
	a.HTTP, a.RPC, a.Serf = "http://"+ports[0], ports[1], ports[2]
	if err := os.MkdirAll(o.Dir, 0o711); err != nil {
		return nil, fmt.Errorf("cannot start Nomad: %w", err)
	}
	if !o.NoClient {
		if a.allocs, err = allocDir(o.Dir); err != nil {
			return nil, fmt.Errorf("cannot start Nomad: %w", err)
		}
	}
	// A server signs the identity of the first client with keys that it makes when it
	// has become leader; a client that comes before waits for long. So where both are
	// one process, the server is let come first once.
	if !o.NoServer && !o.NoClient && !o.Dev { // there it asks again each second
		if err := a.boot(ctx, false); err != nil {
			return nil, err
		}
		if err := a.WaitLeader(ctx); err != nil {
			return nil, errors.Join(err, a.Stop())
		}
		if err := a.Stop(); err != nil {
			return nil, err
		}
	}
	if err := a.Restart(ctx); err != nil || o.NoServer || o.Expect > 1 {
		return a, err
	}
	if err := a.WaitLeader(ctx); err != nil { // without them it keeps no variables
		return nil, errors.Join(err, a.Stop())
	}
	return a, nil
}

// Restart starts the agent again after Stop or Kill.
func (a *Agent) Restart(ctx context.Context) error { return a.boot(ctx, !a.NoClient) }

// Kill ends the process by SIGKILL, as a crash would. Tasks go on.
func (a *Agent) Kill() { a.end(unix.SIGKILL) }

// Stop asks the process to end, and waits. What a client runs goes on.
func (a *Agent) Stop() error {
	if !a.end(unix.SIGTERM) {
		return fmt.Errorf("cannot stop Nomad: it did not end: %s", a.lastWords())
	}
	return nil
}

// PID is the agent's process, or 0.
func (a *Agent) PID() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cmd == nil {
		return 0
	}
	return a.cmd.Process.Pid
}

func (a *Agent) end(sig unix.Signal) bool {
	a.mu.Lock()
	cmd, ended := a.cmd, a.ended
	a.cmd = nil
	a.mu.Unlock()
	if cmd == nil {
		return true
	}
	_ = cmd.Process.Signal(sig)
	const grace = 30 * time.Second
	select {
	case <-ended:
		return true
	case <-time.After(grace):
		_ = cmd.Process.Kill()
		<-ended
		return sig == unix.SIGKILL
	}
}

func (a *Agent) logFile() string { return filepath.Join(a.Dir, "agent.log") }

// lastWords are the errors at the end of the agent's log, or else its end.
func (a *Agent) lastWords() string {
	const most = 600
	text, err := os.ReadFile(a.logFile())
	if err != nil {
		return "it left no log"
	}
	var errs []string
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "[ERROR]") || strings.HasPrefix(line, "==> Error") {
			errs = append(errs, strings.TrimSpace(line))
		}
	}
	said := cmp.Or(strings.Join(errs, "; "), strings.Join(strings.Fields(string(text)), " "))
	return said[max(0, len(said)-most):]
}

func (a *Agent) boot(ctx context.Context, client bool) error {
	file := filepath.Join(a.Dir, "agent.json")
	text, err := json.MarshalIndent(a.config(client), "", "  ")
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("cannot start Nomad: %w", err)
	}
	log, err := os.OpenFile(a.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("cannot start Nomad: %w", err)
	}
	defer log.Close()
	args := []string{"agent", "-config", file}
	if a.Dev {
		args = append(args, "-dev")
	}
	cmd := exec.Command(a.Program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	// What the agent starts inherits this, and so is known to Wipe.
	cmd.Dir, cmd.Env = a.Dir, append(environment(), "NOMAD_AGENT_DIR="+a.Dir+"/data/")
	if a.allocs != "" {
		// Sockets to its own helpers: those of an agent that was killed stay.
		cmd.Env = append(cmd.Env, "PLUGIN_UNIX_SOCKET_DIR="+a.allocs)
	}
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot start Nomad: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	a.mu.Lock()
	a.cmd, a.ended = cmd, ended
	a.mu.Unlock()
	if err := a.awaitAnswer(ctx, ended); err != nil {
		a.Kill()
		return err
	}
	return nil
}

// await asks until it is so, the agent has ended, or patience has.
func (a *Agent) await(ctx context.Context, ended <-chan struct{}, what string, so func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := so(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ended:
			return fmt.Errorf("cannot start Nomad: it ended at once: %s", a.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("gave up waiting for Nomad's %s: last seen %w; it said: %s", what, err, a.lastWords())
		}
	}
}

func (a *Agent) awaitAnswer(ctx context.Context, ended <-chan struct{}) error {
	return a.await(ctx, ended, "answer", func(ctx context.Context) error {
		if a.NoServer {
			return a.get(ctx, "/v1/agent/health?type=client", nil)
		}
		err := a.get(ctx, "/v1/status/leader", nil)
		if a.Expect > 1 && errors.Is(err, errStatus) { // a leader comes when there are enough
			return nil
		}
		return err
	})
}

// WaitLeader waits until the cluster has a leader, with its signing keys.
func (a *Agent) WaitLeader(ctx context.Context) error {
	return a.await(ctx, a.ended, "keys", func(ctx context.Context) error {
		var set struct{ Keys []json.RawMessage }
		if err := a.get(ctx, "/.well-known/jwks.json", &set); err != nil {
			return err
		}
		if len(set.Keys) == 0 {
			return errors.New("no signing keys yet")
		}
		return nil
	})
}

// errStatus is an answer, but not the one that was wanted.
var errStatus = errors.New("the answer")

func (a *Agent) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.HTTP+path, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%w %s", errStatus, answer.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

// Bootstrap makes the first management token. It works once a cluster.
func (a *Agent) Bootstrap(ctx context.Context) (token string, err error) {
	client, err := cluster.NewClient(cluster.Config{Address: a.HTTP})
	if err != nil {
		return "", err
	}
	err = a.await(ctx, a.ended, "first token", func(ctx context.Context) error {
		made, _, err := client.ACLTokens().Bootstrap((&api.WriteOptions{}).WithContext(ctx))
		if err == nil {
			token = made.SecretID
		}
		return err
	})
	return token, err
}

// WaitReady waits until so many nodes are ready for work.
func (a *Agent) WaitReady(ctx context.Context, token string, nodes int) error {
	client, err := cluster.NewClient(cluster.Config{Address: a.HTTP, Token: token})
	if err != nil {
		return err
	}
	return a.await(ctx, a.ended, "nodes", func(ctx context.Context) error {
		list, _, err := client.Nodes().List((&api.QueryOptions{}).WithContext(ctx))
		ready := 0
		for _, node := range list {
			if node.Status == api.NodeStatusReady && node.Drivers["raw_exec"] != nil && node.Drivers["raw_exec"].Healthy {
				ready++
			}
		}
		if err == nil && ready < nodes {
			err = fmt.Errorf("%d of %d nodes are ready", ready, nodes)
		}
		return err
	})
}
