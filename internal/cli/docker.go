package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"

	"seatrial/bridge/admission"
	"seatrial/bridge/dispatch"
	"seatrial/harness"
	"seatrial/harness/app"
	"seatrial/harness/app/swarm"
	"seatrial/harness/run"
	"seatrial/recipes"
	"seatrial/recipes/compose"
	"seatrial/recipes/git"
)

// dockerOptions are the options of commands that deploy on a Docker Engine.
type dockerOptions struct {
	Docker string `help:"The Docker Engine of this machine, in swarm mode, for recipes of the target swarm, such as unix:///var/run/docker.sock. It takes root." placeholder:"HOST"`
}

// args are the options as another process of this program is given them.
func (o dockerOptions) args() []string {
	if o.Docker == "" {
		return nil
	}
	return []string{"--docker", o.Docker}
}

// connect is the engine that was named, or nil. It must answer, and be in a swarm.
// registryAuth is a file with credentials; empty for none.
func (o dockerOptions) connect(ctx context.Context, registryAuth string) (*swarm.Engine, error) {
	if o.Docker == "" {
		return nil, nil
	}
	e, err := swarm.Connect(o.Docker, registryAuth)
	if err != nil {
		return nil, exitWith(exitConfiguration, err)
	}
	if err := e.Check(ctx); err != nil {
		return nil, errors.Join(exitWith(exitUnavailable, err), e.Close())
	}
	return e, nil
}

// Why a Co-op Cloud recipe cannot be tested by this installation.
var (
	noDocker = admission.Obstacle{
		Why:  "This recipe is a Co-op Cloud recipe, and this installation has no Docker Engine to deploy it on.",
		Next: "An operator can start the server with --docker and the address of an engine in swarm mode. Then comment again.",
	}
	noSwarm = admission.Obstacle{
		Why:  "This recipe is a Co-op Cloud recipe, and this installation sends its runs to a Nomad cluster.",
		Next: "Co-op Cloud recipes are tested by a server that runs everything on its own machine: --dispatch local and --docker.",
	}
)

// dockerPlaces are what the janitor looks at on an engine, if there is one.
func dockerPlaces(e *swarm.Engine) []app.Place {
	if e == nil {
		return nil
	}
	return []app.Place{swarm.Place{Engine: e}}
}

// newSwarmApp prepares a deployer for a Co-op Cloud recipe.
func (p performer) newSwarmApp(c harness.AppConfig, job dispatch.Job, scratch string) (app.App, error) {
	if p.docker == nil {
		return nil, errors.New("this recipe is a Co-op Cloud recipe: name the Docker Engine in swarm mode that it is deployed on, with --docker")
	}
	network := ""
	if p.traefik != "" {
		network = swarm.SharedProxy // in which that Traefik looks for apps
	} else if len(job.Deps) > 0 {
		// What is deployed first, and destroyed last, has the network of them all.
		for _, s := range c.Siblings {
			if s.Name == job.Deps[0].Name {
				network = swarm.ProxyName(s.Label)
			}
		}
	}
	return swarm.New(swarm.Config{
		Engine: p.docker, Labels: c.Labels, Label: c.Label, BaseURL: c.BaseURL, Enrolment: c.Enrolment, Network: network, Scratch: scratch, Log: c.Log,
	})
}

// swarmPolicy holds a Co-op Cloud recipe against the operator's policy. Every release
// that will be deployed is asked.
func swarmPolicy(b harness.Bench) func(context.Context) ([]string, error) {
	if b.Enrolment.Target != recipes.TargetSwarm {
		return nil
	}
	label := b.Request.ID.Label(b.Request.Recipe)
	return func(ctx context.Context) ([]string, error) {
		releases := []app.Release{b.Fetched.Head}
		if b.Fetched.Previous != nil {
			releases = append(releases, *b.Fetched.Previous)
		}
		var lines []string
		for i, r := range releases {
			env := []map[string]string{b.Enrolment.Env}
			if i == 0 {
				env = append(env, b.Enrolment.UpgradeEnv)
			}
			recipe, err := compose.Read(ctx, r.Dir, swarm.ReadOptions(label, hostOf(b.BaseURL), env...))
			if err != nil && i > 0 {
				continue // a published release that cannot be read is the upgrade's question
			}
			if err != nil {
				return nil, swarm.Blame(r.Name, err)
			}
			for _, d := range recipe.Policy(b.Enrolment.Allow) {
				line := fmt.Sprintf("%s:%d: %s", d.Place.File, d.Place.Line, d.Text)
				if i > 0 {
					line = "in " + r.Name + ", " + line
				}
				lines = append(lines, line)
			}
		}
		return lines, nil
	}
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// images brings what a run needs from registries while the run waits, so that the
// network holds no slot.
type images struct {
	engine  *swarm.Engine
	mirrors string // of repositories
	copies  string // of private repositories, which the bridge makes
	work    string // a folder for temporary ones
	domain  string
	log     *slog.Logger
}

// Prepare implements bridge.Preparer. The run itself says what an image that cannot be
// pulled means.
func (i images) Prepare(ctx context.Context, r run.Request, e recipes.Enrolment) error {
	if e.Target != recipes.TargetSwarm || i.engine == nil {
		return nil
	}
	dir, err := os.MkdirTemp(i.work, "images-")
	if err != nil {
		return fmt.Errorf("cannot look which images run %s needs: %w", r.ID, err)
	}
	defer os.RemoveAll(dir)
	folder, err := dispatch.CopyFolder(i.copies, r.Code)
	if err != nil {
		return fmt.Errorf("cannot look which images run %s needs: %w", r.ID, err)
	}
	from := source{git: git.Source{Mirrors: i.mirrors, Tags: e.Versions.Tags}, copy: folder, disk: i.work}
	fetched, err := from.Fetch(ctx, r.Code, r.From, dir)
	if err != nil {
		return fmt.Errorf("cannot look which images run %s needs: %w", r.ID, err)
	}
	releases := []app.Release{fetched.Head}
	if fetched.Previous != nil {
		releases = append(releases, *fetched.Previous)
	}
	label := r.ID.Label(r.Recipe)
	var all error
	for _, release := range releases {
		recipe, err := compose.Read(ctx, release.Dir, swarm.ReadOptions(label, label+"."+i.domain, e.Env))
		if err != nil {
			all = errors.Join(all, swarm.Blame(release.Name, err))
			continue
		}
		all = errors.Join(all, i.engine.Pull(ctx, recipe, func(format string, args ...any) {
			i.log.Info(fmt.Sprintf(format, args...), "run", r.ID)
		}))
	}
	return all
}
