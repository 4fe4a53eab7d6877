package swarm

import (
	"context"
	"fmt"
	"strings"

	"github.com/moby/moby/client"

	"seatrial/harness/run"
)

// SharedProxy is the network of a Traefik that leads to every app of the machine.
const SharedProxy = proxyNetwork

// ProxyName is the network that proxy stands for in one run: each run has its own, so
// that the alias app of one is not found by another.
func ProxyName(label string) string { return label + "_" + proxyNetwork }

// ensureProxy makes the app's own network proxy, unless it was given one.
func (a *App) ensureProxy(ctx context.Context) (string, error) {
	if a.cfg.Network != "" {
		return a.cfg.Network, nil
	}
	name := ProxyName(a.cfg.Label)
	if err := a.cfg.Engine.makeNetwork(ctx, name, a.cfg.Label, a.cfg.Labels); err != nil {
		return "", err
	}
	return name, nil
}

func (e *Engine) makeNetwork(ctx context.Context, name, owner string, l run.Labels) error {
	there, err := e.NetworkList(ctx, client.NetworkListOptions{Filters: client.Filters{}.Add("name", name)})
	if err != nil {
		return fmt.Errorf("cannot list the networks: %w", err)
	}
	for _, n := range there.Items {
		if n.Name == name && n.Labels[labelRun] == string(l.Run) {
			return nil
		}
	}
	_, err = e.NetworkCreate(ctx, name, client.NetworkCreateOptions{Driver: "overlay", Scope: "swarm", Labels: labelsFor(l, owner)})
	if err != nil {
		if strings.Contains(err.Error(), "could not find an available") {
			return fmt.Errorf("cannot make the network %s: the engine's addresses are exhausted: %w", name, err)
		}
		return fmt.Errorf("cannot make the network %s: %w", name, err)
	}
	return nil
}
