package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"seatrial/harness/cluster"
	"seatrial/harness/cluster/setup"
	"seatrial/internal/exit"
	"seatrial/internal/perform"
	"seatrial/recipes"
	"seatrial/recipes/nomadvars"
)

type nomadCommand struct {
	Setup    nomadSetup           `cmd:"" help:"Make a Nomad cluster ready for runs: namespaces, policies, jobs. Changes only what differs."`
	Doctor   nomadDoctor          `cmd:"" help:"Say what is wrong with a Nomad cluster, a token, the nodes, and what to change."`
	Executor nomadExecutorCommand `cmd:"" hidden:"" help:"Perform one dispatched run in its allocation."`
	Teardown nomadTeardownCommand `cmd:"" hidden:"" help:"Remove what an executor left on its node."`
}

// clusterNeeds say what a cluster must have.
type clusterNeeds struct {
	testsFolder
	nomadOptions
	Binary    string        `help:"Where this program is on the nodes." default:"/usr/local/bin/seatrial" placeholder:"PATH"`
	NodeState string        `help:"Its state folder on the nodes." default:"/var/lib/seatrial" placeholder:"DIR"`
	Driver    string        `help:"What runs are started with: raw_exec, or docker with --image. A recipe whose enrolment names an image has docker." enum:"raw_exec,docker" default:"raw_exec"`
	Image     string        `help:"With --driver docker: the image of recipes that name none, with seatrial and git in its PATH." placeholder:"IMAGE"`
	NodePool  string        `help:"The node pool in which runs are performed." default:"default" placeholder:"NAME"`
	LostAfter time.Duration `help:"How long to wait for a node that does not answer before its runs are lost." default:"5m"`
	buildOptions
	vaultOptions
	JanitorEvery time.Duration `help:"How often the janitor runs on each node: minutes that divide an hour." default:"10m"`
}

// options are without enrolments.
func (c *clusterNeeds) options(namespaces cluster.Namespaces) setup.Options {
	return setup.Options{
		Namespaces: namespaces, Binary: c.Binary, State: c.NodeState, Driver: c.Driver, Image: c.Image, NodePool: c.NodePool, JanitorEvery: c.JanitorEvery,
		LostAfter: c.LostAfter, Settings: c.settings(),
	}
}

// settings are those of runs on the cluster. The archive is what there is without any.
func (c *clusterNeeds) settings() cluster.Settings {
	s := cluster.Settings{Share: c.Share, BuildEnv: c.BuildEnv}
	if c.Vault == perform.VaultRestic {
		s.Vault = c.Vault
	}
	return s
}

// enrolled adds the enrolments in files, and where there is a client those in variables,
// and what this installation's journal says that their runs take.
// What is wrong with them is said on warn, and then nothing is removed: the recipe of
// a bad enrolment is still enrolled.
func (c *clusterNeeds) enrolled(ctx context.Context, g *Globals, o setup.Options, client *cluster.Client, warn io.Writer) (setup.Options, error) {
	book, err := recipes.Load(c.Tests)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		fmt.Fprintf(warn, "There is no folder %s: jobs of recipes stay as they are. Name the folder of the enrolments with --tests.\n", printable(c.Tests))
		book, o.KeepOthers = &recipes.Book{}, true
	case err != nil:
		return o, exit.Errorf(exit.Configuration, "%w (name the folder of the enrolments with --tests)", err)
	}
	if client != nil {
		vars, err := nomadvars.Load(ctx, client, o.Namespaces.Runs)
		switch {
		case cluster.Is(err, cluster.ErrUnreachable), cluster.Is(err, cluster.ErrNoLeader), ctx.Err() != nil:
			return o, nomadExit(cluster.Explain("read enrolments in Nomad's variables", err))
		case err != nil:
			o.KeepOthers = true // whoever may not read them is told so by what comes next
		default:
			book = recipes.Merge(book, vars)
		}
	}
	for _, p := range book.Problems {
		fmt.Fprintln(warn, p)
		o.KeepOthers = true
	}
	o.Recipes = book.Enrolments
	if o.Measured, err = g.measured(ctx); err != nil {
		return o, err
	}
	return o, nil
}

type nomadSetup struct {
	clusterNeeds
	Print           bool   `help:"Write the definitions to standard output, or into --out, and change nothing. Nomad is not asked."`
	Out             string `help:"With --print: the folder to write the definitions into, one file each." type:"path" placeholder:"DIR"`
	Force           bool   `help:"Also overwrite jobs and policies that were edited."`
	BridgeTokenFile string `help:"Make a token with the bridge's policy and write it into this file, once." type:"path" placeholder:"FILE"`
}

func (nomadSetup) Help() string {
	return "Needs a management token, once. What was edited is kept and reported as yours. " + nomadHelp
}

func (c *nomadSetup) Run(ctx context.Context, g *Globals, s streams) error {
	if c.Out != "" && !c.Print {
		return exit.With(exit.Usage, errors.New("--out says where --print writes: give both"))
	}
	access, err := c.access(g.logger(s.Err))
	if err != nil {
		return err
	}
	o := c.options(access.Namespaces)
	o.Force = c.Force
	if _, err := setup.Render(o); err != nil {
		return exit.With(exit.Usage, err)
	}
	if c.Print {
		if o, err = c.enrolled(ctx, g, o, nil, s.Err); err != nil {
			return err
		}
		files, err := setup.Render(o)
		if err != nil {
			return exit.With(exit.Configuration, err)
		}
		return writeDefinitions(files, c.Out, s.Out)
	}
	if o, err = c.enrolled(ctx, g, o, access.Client, s.Err); err != nil {
		return err
	}
	changes, err := setup.Apply(ctx, access.Client, o)
	for _, change := range changes.List {
		fmt.Fprintln(s.Out, printable(change.String()))
	}
	for _, note := range changes.Notes {
		fmt.Fprintf(s.Out, "Note: %s.\n", printable(note))
	}
	if err != nil {
		return nomadExit(err)
	}
	changed := changes.Any()
	if c.BridgeTokenFile != "" {
		token, err := setup.BridgeToken(ctx, access.Client, o, c.BridgeTokenFile)
		if err != nil {
			return nomadExit(err)
		}
		fmt.Fprintln(s.Out, printable(token.String()))
		changed = changed || token.Did == setup.Made
	}
	if !changed {
		fmt.Fprintln(s.Out, "Nothing to change.")
	}
	return nil
}

// writeDefinitions writes into a folder, or to out where there is none. A file that
// is there and differs is somebody's, and is left as it is.
func writeDefinitions(files []setup.File, folder string, out io.Writer) error {
	for i, f := range files {
		if folder == "" {
			if i > 0 {
				fmt.Fprintln(out)
			}
			fmt.Fprintf(out, "# ==> %s\n%s", f.Name, f.HCL)
			continue
		}
		path := filepath.Join(folder, f.Name)
		was, err := os.ReadFile(path)
		if err == nil && string(was) != f.HCL {
			return exit.Errorf(exit.Configuration, "%s is there already and is another one: remove it, or choose another folder with --out", path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
				err = os.WriteFile(path, []byte(f.HCL), 0o644)
			}
		}
		if err != nil {
			return exit.Errorf(exit.Configuration, "cannot write the definitions: %w", err)
		}
		fmt.Fprintln(out, printable(path))
	}
	return nil
}

type nomadDoctor struct{ clusterNeeds }

func (nomadDoctor) Help() string {
	return "Changes nothing. Give it the token that the bridge has, to learn what that may do; give it the options that setup was given. " + nomadHelp
}

func (c *nomadDoctor) Run(ctx context.Context, g *Globals, s streams) error {
	access, err := c.access(g.logger(s.Err))
	if err != nil {
		return err
	}
	o := c.options(access.Namespaces)
	if _, err := setup.Render(o); err != nil {
		return exit.With(exit.Usage, err)
	}
	if o, err = c.enrolled(ctx, g, o, access.Client, s.Err); err != nil {
		return err
	}
	findings, err := setup.Examine(ctx, access.Client, o)
	wrong := 0
	for _, f := range findings {
		fmt.Fprintln(s.Out, printable(f.String()))
		if f.Mark == setup.Wrong {
			wrong++
		}
	}
	if err != nil {
		return nomadExit(err)
	}
	if wrong > 0 {
		return exit.Errorf(exit.Configuration, "%s to put right", counted(wrong, "thing"))
	}
	return nil
}

// nomadExit tells a cluster that cannot be asked from one that refuses.
func nomadExit(err error) error {
	if cluster.Is(err, cluster.ErrUnreachable) || cluster.Is(err, cluster.ErrNoLeader) {
		return exit.With(exit.Unavailable, err)
	}
	return exit.With(exit.Configuration, err)
}
