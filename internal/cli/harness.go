package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"seatrial/bridge/dispatch/local"
	"seatrial/harness/app/swarm"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// harnessCommand is what the local dispatcher starts, once an attempt. Its verdict
// is in its events; its exit code says only whether it could do its work.
type harnessCommand struct {
	Folder string `arg:"" help:"The attempt's folder."`
	buildOptions
	frontOptions
	vaultOptions
	dockerOptions
	registryOptions
	PublicURL string `help:"The dashboard's address; the app's is a subdomain beside it."`
	Domain    string `help:"The domain of the apps." default:"localhost"`
}

func (c *harnessCommand) Run(ctx context.Context, g *Globals, s streams) error {
	// First of all: from here on the attempt is known to run in this process.
	if err := local.Stamp(c.Folder); err != nil {
		return err
	}
	job, err := local.ReadJob(c.Folder)
	if err != nil {
		return err
	}
	base, err := appURL(c.PublicURL, job.Request, c.Domain)
	if err != nil {
		return err
	}
	log := g.logger(s.Err)
	cert, err := c.certificate(c.Domain, log)
	if err != nil {
		return err
	}
	var engine *swarm.Engine // which other recipes do not wait for
	if job.Enrolment.Target == recipes.TargetSwarm {
		if engine, err = c.connect(ctx, c.RegistryAuth); err != nil {
			return err
		}
	}
	p := performer{
		state: *g, build: c.buildOptions, vault: c.vaultOptions, docker: engine, isolate: true, domain: c.Domain, baseURL: base, cert: cert, traefik: c.Traefik,
		log: log, secrets: secretsOf(os.Environ()),
	}
	_, err = p.perform(ctx, c.Folder, job)
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("run %s, attempt %d: %w", job.Request.ID, job.Attempt, err)
	}
	return nil
}

// appURL is the address of a run's app behind a public address.
func appURL(public string, r run.Request, domain string) (string, error) {
	if public == "" {
		return "", nil
	}
	scheme, rest, ok := strings.Cut(public, "://")
	if !ok {
		return "", exitWith(exitUsage, fmt.Errorf("%q is not an address: write it like https://ci.example.org", public))
	}
	host, _, _ := strings.Cut(rest, "/")
	port := ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		port = host[i:]
	}
	return scheme + "://" + r.ID.Label(r.Recipe) + "." + domain + port, nil
}

// secretsOf are the values of the environment that look like secrets by their
// name, so that no stream shows them.
func secretsOf(environ []string) []string {
	var values []string
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		name = strings.ToUpper(name)
		for _, word := range []string{"TOKEN", "SECRET", "PASSWORD", "PASSWD", "API_KEY", "PRIVATE_KEY"} {
			if strings.Contains(name, word) && !strings.HasSuffix(name, "_FILE") {
				values = append(values, value)
				break
			}
		}
	}
	return values
}
