package cli

import (
	"log/slog"

	"seatrial/harness/cluster"
	"seatrial/internal/exit"
)

// nomadOptions are the options of commands that speak to a Nomad cluster. Address,
// namespace, region and certificates come from the environment, as for nomad itself.
type nomadOptions struct {
	NomadTokenFile string `help:"File that holds the token for Nomad and nothing else. A change is noticed without a restart. Default: the token in NOMAD_TOKEN." type:"path" placeholder:"FILE"`
}

// nomadHelp is added to the help of such commands.
const nomadHelp = "Nomad is found as by its own command: NOMAD_ADDR, NOMAD_TOKEN, NOMAD_NAMESPACE, NOMAD_REGION, NOMAD_CACERT, NOMAD_CLIENT_CERT and NOMAD_CLIENT_KEY are honoured."

// access makes a client. Nothing is asked of the cluster yet.
func (o nomadOptions) access(log *slog.Logger) (*cluster.Access, error) {
	a, err := cluster.Login{TokenFile: o.NomadTokenFile}.Open(log)
	return a, exit.With(exit.Configuration, err)
}
