package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"seatrial/harness/cluster"
	"seatrial/harness/cluster/agent"
	"seatrial/harness/cluster/setup"
	"seatrial/harness/run"
	"seatrial/internal/exit"
	"seatrial/recipes"
)

// demoCluster is the Nomad that a demo runs on: the one at NOMAD_ADDR, in namespaces of
// the demo's own, or an agent of the demo's own.
type demoCluster struct {
	agent     *agent.Agent    // nil where there was a cluster
	access    *cluster.Access // as its manager
	options   setup.Options
	tokenFile string // the bridge's
}

// openCluster finds or starts a Nomad and sets it up as an operator would.
func (d *demo) openCluster(ctx context.Context) (err error) {
	c := &demoCluster{tokenFile: filepath.Join(d.dir, "nomad-token")}
	d.cluster = c
	if os.Getenv("NOMAD_ADDR") == "" {
		if err := c.startAgent(ctx, d.dir, d.out); err != nil {
			return err
		}
	} else if c.access, err = (nomadOptions{}).access(d.log); err != nil {
		return err
	}
	if _, err := c.access.Client.Status().Leader(); err != nil {
		return exit.With(exit.Unavailable, cluster.Explain("prepare the cluster for the demo", err))
	}
	mark := make([]byte, 3)
	rand.Read(mark)
	c.access.Namespaces = cluster.NamespacesFor("seatrial-demo-" + hex.EncodeToString(mark))
	self, err := os.Executable()
	if err != nil {
		return err
	}
	book, err := recipes.Load(d.tests)
	if err != nil {
		return err
	}
	c.options = setup.Options{
		Namespaces: c.access.Namespaces, Binary: self, State: filepath.Join(d.dir, "node"), Recipes: book.Enrolments, Settings: cluster.Settings{Share: d.settings.Share, BuildEnv: d.settings.BuildEnv},
	}
	changes, err := setup.Apply(ctx, c.access.Client, c.options)
	if err == nil {
		_, err = setup.BridgeToken(ctx, c.access.Client, c.options, c.tokenFile)
	}
	if err != nil {
		return exit.With(exit.Unavailable, errors.Join(fmt.Errorf("cannot prepare the cluster for the demo: %w", err), c.close()))
	}
	fmt.Fprintf(d.out, "Nomad:      %s, namespace %s, %d objects set up\n", c.access.Client.Address(), c.access.Namespaces.Runs, len(changes.List))
	return nil
}

func (c *demoCluster) startAgent(ctx context.Context, dir string, out io.Writer) error {
	program, err := agent.Find()
	if err != nil {
		return exit.Errorf(exit.Unavailable, "%w; or let NOMAD_ADDR and NOMAD_TOKEN name a cluster", err)
	}
	fmt.Fprintf(out, "Starting a Nomad agent (%s) ...\n", program)
	if c.agent, err = agent.Start(ctx, agent.Options{Program: program, Dir: filepath.Join(dir, "nomad")}); err != nil {
		return exit.With(exit.Unavailable, err)
	}
	token, err := c.agent.Bootstrap(ctx)
	if err == nil {
		err = c.agent.WaitReady(ctx, token, 1)
	}
	if err == nil {
		c.access = &cluster.Access{}
		c.access.Client, err = cluster.NewClient(cluster.Config{Address: c.agent.HTTP, Token: token})
	}
	if err != nil {
		return exit.With(exit.Unavailable, errors.Join(err, c.agent.Wipe()))
	}
	return nil
}

// closeWithin is for the removal of the demo's installation.
const closeWithin = 2 * time.Minute

// close removes what the demo made on the cluster, or the cluster.
func (c *demoCluster) close() error {
	if c.agent != nil {
		return c.agent.Wipe()
	}
	// Its own context: the demo's may have ended.
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	return setup.Dismantle(ctx, c.access.Client, c.options)
}

// tell says where the run was.
func (c *demoCluster) tell(out io.Writer, r run.Report) {
	if r.Started == nil {
		return
	}
	fmt.Fprintf(out, "Job:        %s\nAllocation: %s on node %s\n", r.Started.Job, r.Started.Alloc, r.Started.Node)
}
