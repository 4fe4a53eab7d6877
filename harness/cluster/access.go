package cluster

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/secrets"
)

// tokenReload is how often the token's file is looked at.
const tokenReload = 5 * time.Second

// Login says which cluster, and as whom. What is empty comes from the environment, as
// for nomad itself.
type Login struct {
	Address, Namespace string
	TokenFile          string
}

// Access is a way to a cluster.
type Access struct {
	*Client
	Namespaces Namespaces
	token      *secrets.Holder // nil where it comes from the environment
}

// Open makes a client. Nothing is asked of the cluster yet.
func (l Login) Open(log *slog.Logger) (*Access, error) {
	a := &Access{Namespaces: NamespacesFor(cmp.Or(l.Namespace, api.DefaultConfig().Namespace))}
	config := Config{Address: l.Address, Namespace: a.Namespaces.Runs}
	if l.TokenFile != "" {
		held, warning, err := secrets.HoldFile(l.TokenFile)
		if err != nil {
			return nil, err
		}
		if warning != "" {
			log.Warn(warning)
		}
		a.token, config.Token = held, held.Get().Reveal()
	}
	var err error
	a.Client, err = NewClient(config)
	return a, err
}

// Keep uses a new token as soon as the file holds one, until the context ends.
func (a *Access) Keep(ctx context.Context, log *slog.Logger) error {
	if a.token == nil {
		return nil
	}
	tick := time.NewTicker(tokenReload)
	defer tick.Stop()
	said := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		changed, err := a.token.Reload()
		switch {
		case err != nil && err.Error() != said:
			said = err.Error()
			log.Warn("the token for Nomad stays as it was", "err", err)
		case changed:
			said = ""
			a.SetToken(a.token.Get().Reveal())
			log.Info("the token for Nomad was replaced", "token", secrets.Redacted+" => "+secrets.Redacted)
		}
	}
}
