package cluster

import (
	"cmp"
	"log/slog"

	"github.com/hashicorp/nomad/api"

	"seatrial/secrets"
)

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

// LookAtToken uses a new token as soon as the file holds one.
func (a *Access) LookAtToken(log *slog.Logger) {
	if a.token != nil && a.token.Look(log) {
		a.SetToken(a.token.Get().Reveal())
	}
}
