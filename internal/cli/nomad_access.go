package cli

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/cluster"
	"seatrial/secrets"
)

// nomadOptions are the options of commands that speak to a Nomad cluster. Address,
// namespace, region and certificates come from the environment, as for nomad itself.
type nomadOptions struct {
	NomadTokenFile string `help:"File that holds the token for Nomad and nothing else. A change is noticed without a restart. Default: the token in NOMAD_TOKEN." type:"path" placeholder:"FILE"`

	nomadAddress, nomadNamespace string // instead of the environment's, where not empty
}

// nomadHelp is added to the help of such commands.
const nomadHelp = "Nomad is found as by its own command: NOMAD_ADDR, NOMAD_TOKEN, NOMAD_NAMESPACE, NOMAD_REGION, NOMAD_CACERT, NOMAD_CLIENT_CERT and NOMAD_CLIENT_KEY are honoured."

// tokenReload is how often the token's file is looked at.
const tokenReload = 5 * time.Second

// nomadAccess is a way to a cluster.
type nomadAccess struct {
	client     *cluster.Client
	namespaces cluster.Namespaces
	token      *secrets.Holder // nil where it comes from the environment
}

// access makes a client. Nothing is asked of the cluster yet.
func (o nomadOptions) access(log *slog.Logger) (*nomadAccess, error) {
	a := &nomadAccess{}
	config := cluster.Config{Address: o.nomadAddress}
	if o.NomadTokenFile != "" {
		held, warning, err := secrets.HoldFile(o.NomadTokenFile)
		if err != nil {
			return nil, exitWith(exitConfiguration, err)
		}
		if warning != "" {
			log.Warn(warning)
		}
		a.token, config.Token = held, held.Get().Reveal()
	}
	a.namespaces = cluster.NamespacesFor(cmp.Or(o.nomadNamespace, api.DefaultConfig().Namespace))
	config.Namespace = a.namespaces.Runs
	var err error
	if a.client, err = cluster.NewClient(config); err != nil {
		return nil, exitWith(exitConfiguration, err)
	}
	return a, nil
}

// keep uses a new token as soon as the file holds one, until the context ends.
func (a *nomadAccess) keep(ctx context.Context, log *slog.Logger) error {
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
			a.client.SetToken(a.token.Get().Reveal())
			log.Info("the token for Nomad was replaced", "token", secrets.Redacted+" => "+secrets.Redacted)
		}
	}
}
