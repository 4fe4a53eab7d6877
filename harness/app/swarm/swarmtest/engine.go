package swarmtest

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of waiting. A daemon answers in a second on an idle machine.
const (
	bootPatience = 60 * time.Second
	stopPatience = 60 * time.Second
	commandLimit = 2 * time.Minute
)

//go:embed hold.sh
var holdScript string

// Options say what an engine is.
type Options struct {
	// Registry is the folder that the engine's registry serves at 127.0.0.1:5000;
	// empty for none. Find names the one that dev/docker/build fills.
	Registry string
	// Writable lets images be pushed to it.
	Writable bool
	// Daemon is added to the daemon's configuration, as daemon.json names it.
	Daemon map[string]any
}

// Engine is a Docker Engine, which is a swarm's only node.
type Engine struct {
	Options
	Dir  string // all that it keeps
	Host string // for DOCKER_HOST

	cgroup string
	holder *child
	hold   io.Closer // the holder sweeps when it is closed

	mu       sync.Mutex
	daemon   *child
	registry *child
}

// Start starts an engine in a folder of its own, which is made and must have a short
// path: sockets are limited to 107 bytes.
func Start(ctx context.Context, dir string, o Options) (*Engine, error) {
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o711)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot start a Docker Engine: %w", err)
	}
	e := &Engine{Options: o, Dir: dir, Host: "unix://" + filepath.Join(dir, "docker.sock"), cgroup: fmt.Sprintf("seatrial-%s-%d", filepath.Base(dir), os.Getpid())}
	if err := e.enter(ctx); err != nil {
		return nil, fmt.Errorf("cannot start a Docker Engine: %w", err)
	}
	err = e.boot(ctx)
	if err == nil {
		_, err = e.Docker(ctx, "swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:2377")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot start a Docker Engine: %w", err), e.Stop())
	}
	return e, nil
}

// enter starts the process that holds the namespaces, and the registry in them.
func (e *Engine) enter(ctx context.Context) error {
	config := map[string]any{
		"data-root": filepath.Join(e.Dir, "data"), "exec-root": "/run/docker", "pidfile": "/run/docker.pid",
		"hosts": []string{e.Host}, "cgroup-parent": "/" + e.cgroup, "log-level": "warn",
	}
	for key, value := range e.Daemon {
		config[key] = value
	}
	text, err := json.MarshalIndent(config, "", "  ")
	if err == nil {
		err = os.WriteFile(e.file("daemon.json"), text, 0o600)
	}
	if err != nil {
		return err
	}
	cmd := exec.Command("unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", holdScript, "hold.sh", e.Dir, e.cgroup)
	if e.hold, err = cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if e.holder, err = start(cmd, e.file("holder.log")); err != nil {
		return err
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	_ = out.Close() // it says no more
	if line != "up\n" {
		return errors.Join(fmt.Errorf("cannot make namespaces: %s", e.holder.lastWords()), e.hold.Close())
	}
	return e.startRegistry(ctx)
}

// boot starts the daemon and waits until it answers.
func (e *Engine) boot(ctx context.Context) error {
	daemon, err := start(e.inside("dockerd", "--config-file", e.file("daemon.json")), e.file("dockerd.log"))
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.daemon = daemon
	e.mu.Unlock()
	return daemon.await(ctx, "an answer", func(ctx context.Context) error {
		_, err := e.Docker(ctx, "version")
		return err
	})
}

// PID is the daemon's process, or 0.
func (e *Engine) PID() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.daemon == nil {
		return 0
	}
	return e.daemon.pid()
}

// Kill ends the daemon by SIGKILL, as a crash would. Containers go on.
func (e *Engine) Kill() {
	e.end(unix.SIGKILL)
	e.awaitContainerd()
}

// awaitContainerd waits until the daemon's own containerd has ended. The kernel kills it
// after the daemon; a new daemon that still saw it would wait for it in vain.
func (e *Engine) awaitContainerd() {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/root/run/docker/containerd/containerd.pid", e.holder.pid()))
	if err != nil {
		return // it has removed it
	}
	const patience = 10 * time.Second
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat("/proc/" + strings.TrimSpace(string(text))); err != nil {
			return
		}
	}
}

// Restart starts the daemon again, after Kill, or stops it well before.
func (e *Engine) Restart(ctx context.Context) error {
	e.end(unix.SIGTERM)
	e.awaitContainerd()
	if err := e.boot(ctx); err != nil {
		return fmt.Errorf("cannot start the Docker Engine again: %w", err)
	}
	return nil
}

func (e *Engine) end(sig unix.Signal) {
	e.mu.Lock()
	daemon := e.daemon
	e.daemon = nil
	e.mu.Unlock()
	if daemon != nil {
		daemon.end(sig)
	}
}

// Stop ends everything of the engine and removes its folder. Its context is its own:
// a test's has ended by then.
func (e *Engine) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	if e.PID() != 0 {
		// An engine that is too broken for it is swept like any other.
		_, _ = e.Docker(ctx, "swarm", "leave", "--force")
		e.end(unix.SIGTERM)
	}
	// A second Stop finds it closed.
	if err := e.hold.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("cannot stop the Docker Engine: %w", err)
	}
	select {
	case <-e.holder.ended:
	case <-ctx.Done():
		return fmt.Errorf("gave up after %s waiting for the Docker Engine to be cleared away: %s", stopPatience, e.holder.lastWords())
	}
	if _, err := os.Lstat(e.Dir); err == nil {
		return fmt.Errorf("cannot stop the Docker Engine: its folder %s is left", e.Dir)
	}
	return nil
}

func (e *Engine) file(name string) string { return filepath.Join(e.Dir, name) }

// Docker runs the docker command line against the engine and returns what it printed,
// trimmed.
func (e *Engine) Docker(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, Program(), args...)
	cmd.Env = append(os.Environ(), e.Environment()...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return strings.TrimSpace(string(out)), fmt.Errorf("cannot docker %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(said.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// Environment is what a program needs to talk to the engine, and to no other.
func (e *Engine) Environment() []string {
	return []string{"DOCKER_HOST=" + e.Host, "DOCKER_CONFIG=" + e.file("client"), "DOCKER_CONTEXT=", "DOCKER_TLS_VERIFY=", "DOCKER_API_VERSION="}
}

// Program is the docker command line: Debian's, where it is, for it fits the daemon.
func Program() string {
	const debian = "/usr/bin/docker"
	if _, err := os.Stat(debian); err == nil {
		return debian
	}
	return "docker"
}
