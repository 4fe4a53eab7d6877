package swarm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// answerLimit is for one question to the engine. It answers from memory; only a machine
// that is out of breath takes longer.
const answerLimit = 30 * time.Second

// Engine is the Docker Engine of this machine, in swarm mode. It is safe for concurrent
// use. Make one with Connect.
type Engine struct {
	*client.Client
	Host string // as DOCKER_HOST
	auth auth

	mu   sync.Mutex
	node string
	ipvs *bool
}

// DefaultHost is where the docker program would find an engine.
func DefaultHost() string {
	if host := os.Getenv(client.EnvOverrideHost); host != "" {
		return host
	}
	return client.DefaultDockerHost
}

// Connect prepares to speak to the engine at an address like unix:///var/run/docker.sock.
// registryAuth is a docker config.json with credentials for registries; empty means none.
// Nothing is asked yet.
func Connect(host, registryAuth string) (*Engine, error) {
	c, err := client.New(client.WithHost(host))
	if err != nil {
		return nil, fmt.Errorf("cannot prepare to speak to Docker at %s: %w", host, err)
	}
	a, err := readAuth(registryAuth)
	if err != nil {
		return nil, err
	}
	return &Engine{Client: c, Host: host, auth: a}, nil
}

// Check says what is missing before an app can be deployed here.
func (e *Engine) Check(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return errors.New("volumes are read where the engine keeps them, which requires root: run this as root")
	}
	if _, err := exec.LookPath(dockerProgram); err != nil {
		return errors.New("the program docker is missing, which deploys stacks: on Debian, apt install docker.io")
	}
	_, err := e.nodeID(ctx)
	return err
}

// nodeID is the swarm's node that the engine is.
func (e *Engine) nodeID(ctx context.Context) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.node != "" {
		return e.node, nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	answer, err := e.Info(ctx, client.InfoOptions{})
	if err != nil {
		return "", fmt.Errorf("cannot reach Docker at %s: %w", e.Host, err)
	}
	s := answer.Info.Swarm
	switch {
	case s.NodeID == "" || string(s.LocalNodeState) != "active":
		return "", fmt.Errorf("the Docker Engine at %s is in no swarm: make it one with docker swarm init", e.Host)
	case !s.ControlAvailable:
		return "", fmt.Errorf("the Docker Engine at %s is a worker of its swarm, and stacks are deployed by managers: docker node promote", e.Host)
	}
	e.node = s.NodeID
	return e.node, nil
}

// virtual says whether services can have virtual addresses, which takes IPVS in the
// kernel. Without it their names must resolve to their tasks' own addresses.
func (e *Engine) virtual() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ipvs == nil {
		_, err := os.Stat("/proc/net/ip_vs")
		if err != nil {
			// The engine loads the module when it needs it; we would like to know before.
			_ = exec.Command("modprobe", "ip_vs").Run()
			_, err = os.Stat("/proc/net/ip_vs")
		}
		there := err == nil
		e.ipvs = &there
	}
	return *e.ipvs
}

func notFound(err error) bool { return cerrdefs.IsNotFound(err) }

// away says that the engine did not answer at all.
func away(err error) bool {
	return err != nil && (client.IsErrConnectionFailed(err) || cerrdefs.IsUnavailable(err) || isClosed(err))
}
