package cli

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"seatrial/harness"
	"seatrial/harness/gateway"
	"seatrial/recipes"
)

// frontOptions say how apps are reached.
type frontOptions struct {
	TLSCert string `name:"tls-cert" help:"File with the certificate of the apps' domain, for *.DOMAIN, and its chain. Apps are then served over https. It is read again when it changes. Takes --tls-key." type:"path" placeholder:"FILE"`
	TLSKey  string `name:"tls-key" help:"File with the certificate's key." type:"path" placeholder:"FILE"`
	Traefik string `help:"Host and port of a Traefik that watches the swarm of this machine: recipes with the target swarm are reached through it instead of through a gateway of the run's own." placeholder:"ADDRESS"`
}

// certificate is that of the options for a domain; nil without any.
func (o frontOptions) certificate(domain string, log *slog.Logger) (*gateway.Certificate, error) {
	if (o.TLSCert == "") != (o.TLSKey == "") {
		return nil, exitWith(exitUsage, errors.New("--tls-cert and --tls-key belong together: give both, or none"))
	}
	if o.Traefik != "" {
		if _, _, err := net.SplitHostPort(o.Traefik); err != nil {
			return nil, exitWith(exitUsage, fmt.Errorf("--traefik %q is no address: write it like 127.0.0.1:443", o.Traefik))
		}
	}
	if o.TLSCert == "" {
		return nil, nil
	}
	cert, err := gateway.LoadCertificate(o.TLSCert, o.TLSKey, domain, log)
	return cert, exitWith(exitConfiguration, err)
}

// args are the options as another process of this program is given them.
func (o frontOptions) args() []string {
	var args []string
	for _, option := range []struct{ name, value string }{{"--tls-cert", o.TLSCert}, {"--tls-key", o.TLSKey}, {"--traefik", o.Traefik}} {
		if option.value != "" {
			args = append(args, option.name+"="+option.value)
		}
	}
	return args
}

// overTLS says whether an address is https.
func overTLS(address string) bool { return strings.HasPrefix(address, "https://") }

// front opens what leads to the app of one enrolment: a gateway of the run's own, or
// what watches the swarm.
func (p performer) front(e recipes.Enrolment, host string, dial harness.Dial) (harness.Front, error) {
	if p.traefik != "" && e.Target == recipes.TargetSwarm {
		return gateway.Behind(p.traefik, host, p.cert != nil || overTLS(p.baseURL), p.cert)
	}
	return gateway.ListenTLS(cmp.Or(p.gateway, gateway.FreeLoopback), host, gateway.Dial(dial), p.cert, p.log)
}
