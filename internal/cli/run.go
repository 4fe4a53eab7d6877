package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/dispatch/local"
	"seatrial/harness/app/process"
	"seatrial/harness/app/swarm"
	"seatrial/harness/result"
	"seatrial/harness/run"
	"seatrial/internal/exit"
	"seatrial/internal/perform"
	"seatrial/internal/state"
	"seatrial/recipes"
)

type runCommand struct {
	Dir       string   `arg:"" help:"The recipe's folder: a git repository, or just files. Default: the current folder." type:"path" default:"."`
	Enrolment string   `help:"The enrolment: recipe.yaml, or the folder that holds it. Default: one in which every key has its default." type:"path" placeholder:"PATH"`
	Commit    string   `help:"Test this commit, named in any way that git understands. Default: the files as they lie in the folder, committed or not." placeholder:"REV"`
	From      string   `help:"Upgrade from the release with this tag. Default: the highest published version that the commit descends from." placeholder:"TAG"`
	Only      string   `help:"Ask only this stage's question, and do what it needs: policy, lint, upgrade, restart, backup, install, restore or checks." placeholder:"STAGE"`
	Keep      bool     `help:"Leave the app up after the stages, until Ctrl-C. Then it is torn down."`
	JSON      bool     `help:"Print the run's events as JSON, one per line, instead of progress and summary."`
	Verbose   bool     `short:"v" help:"Also print to standard error what the app, its build and the harness write."`
	Out       string   `help:"Write result.json, junit.xml, events.jsonl and log.txt into this folder. It is made if it is missing." type:"path" placeholder:"DIR"`
	Isolate   bool     `help:"Run build and app as serve does: another user, own namespaces, limits. Requires root and bubblewrap."`
	Domain    string   `help:"The app is served at a subdomain of this domain." default:"localhost"`
	Dep       []string `help:"Where a recipe that this one depends on is: a git repository, or just files. Its enrolment is the one beside this recipe's own. May be given several times." placeholder:"NAME=DIR" sep:"none"`
	settingsOptions
}

func (runCommand) Help() string {
	return "Build and app run as you do, because it is your own folder; --isolate treats them as a stranger's. " +
		"Exit codes: 0 pass, 1 fail, 2 unverified or interrupted."
}

func (c *runCommand) Run(ctx context.Context, g *Globals, s streams) error {
	if err := c.settingsOptions.check(ctx, g.logger(s.Err)); err != nil {
		return err
	}
	enrolment, err := c.enrolment(s.Err)
	if err != nil {
		return err
	}
	job, err := c.job(enrolment)
	if err != nil {
		return err
	}
	p, err := perform.New(ctx, c.attempt(g, s, job))
	if err != nil {
		return err
	}
	if c.Isolate {
		if err := process.CheckIsolation(); err != nil {
			return exit.With(exit.Unavailable, err)
		}
	}
	if c.Out != "" {
		if err := os.MkdirAll(c.Out, 0o755); err != nil {
			return exit.Errorf(exit.Configuration, "cannot write the results: %w", err)
		}
	}
	report, err := c.perform(ctx, g, p, s.Out)
	if err != nil {
		return err
	}
	if !c.JSON {
		fmt.Fprintln(s.Out)
		printSummary(s.Out, report)
	}
	return verdictExit(report.Verdict())
}

// attempt is the one attempt of the run.
func (c *runCommand) attempt(g *Globals, s streams, job dispatch.Job) perform.Config {
	config := perform.Config{
		State: g.folder(), Job: job, Isolate: c.Isolate, Keep: c.Keep, Secrets: perform.SecretsOf(os.Environ()),
		Log: slog.New(slog.DiscardHandler),
	}
	if c.Verbose {
		config.Follow, config.Log = printableWriter{s.Err}, g.logger(s.Err)
	}
	return config
}

// perform performs the attempt in a folder of its own, of which nothing stays but what
// was asked for.
func (c *runCommand) perform(ctx context.Context, g *Globals, p *perform.Performer, out io.Writer) (run.Report, error) {
	shown := newProgress(out, c.JSON)
	defer shown.close()
	p.Show = shown.show
	root, err := g.folder().Own(state.RunsDir)
	if err != nil {
		return run.Report{}, err
	}
	if _, err := local.Prepare(root, p.Job); err != nil {
		return run.Report{}, exit.Errorf(exit.Configuration, "cannot use the state folder: %w (choose another with --state)", err)
	}
	folder := dispatch.Folder(root, p.Job.Request.ID, p.Job.Attempt)
	defer os.RemoveAll(filepath.Dir(folder))
	if err := local.Stamp(folder); err != nil {
		return run.Report{}, err
	}
	release, err := g.folder().Attend(p.Job.Instance)
	if err != nil {
		return run.Report{}, err
	}
	defer release()
	report, err := p.Perform(ctx, folder)
	if err == nil && c.Out != "" {
		err = copyFiles(folder, c.Out, dispatch.EventsFile, dispatch.LogFile, result.JSONFile, result.JUnitFile)
	}
	return report, err
}

func (c *runCommand) enrolment(errs io.Writer) (recipes.Enrolment, error) {
	if c.Enrolment == "" {
		name := recipes.NameFor("local/" + filepath.Base(c.Dir))
		return recipes.Defaults(recipes.Enrolment{Name: name, Version: 1, Repo: "local/" + name}), nil
	}
	file := c.enrolmentFile()
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return recipes.Enrolment{}, exit.Errorf(exit.Configuration, "%s is a folder without a recipe.yaml: name the file, or the folder that holds it", file)
	}
	e, problems, err := recipes.LoadFile(file)
	if err != nil {
		return e, exit.With(exit.Configuration, err)
	}
	if len(problems) > 0 {
		for _, p := range problems {
			fmt.Fprintln(errs, p)
		}
		return e, exit.With(exit.Configuration, errors.New("the enrolment cannot be used: correct it, and try again"))
	}
	return e, nil
}

// enrolmentFile is the file itself, also where its folder was named.
func (c *runCommand) enrolmentFile() string {
	if found, _ := filepath.Glob(filepath.Join(c.Enrolment, "recipe.*")); len(found) == 1 {
		return found[0]
	}
	return c.Enrolment
}

// job is the run as a dispatched one would be.
func (c *runCommand) job(e recipes.Enrolment) (dispatch.Job, error) {
	info, err := os.Stat(c.Dir)
	if err != nil || !info.IsDir() {
		return dispatch.Job{}, exit.Errorf(exit.Usage, "%s is not a directory: name the folder of a recipe", c.Dir)
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return dispatch.Job{}, err
	}
	only, known := run.ParseStage(c.Only)
	if c.Only != "" && !known {
		return dispatch.Job{}, exit.Errorf(exit.Usage, "there is no stage %q: it can be %s", c.Only, listed(run.Stages(), "or"))
	}
	deps, err := c.deps(e)
	if err != nil {
		return dispatch.Job{}, err
	}
	now := time.Now()
	request := run.Request{
		ID: run.NewID(now), Recipe: e.Name, AskedAt: now, AskedBy: run.Person{Login: "you"},
		Code:  run.Code{URL: dir, Commit: c.Commit, WorkTree: c.Commit == ""},
		Limit: e.Limit(), Silence: time.Duration(e.Timeouts.Silence), Trusted: !c.Isolate, From: c.From, Only: only,
	}
	if u, err := user.Current(); err == nil {
		request.AskedBy.Login = u.Username
	}
	settings := c.settings(c.Domain)
	if e.Target == recipes.TargetSwarm {
		settings.Docker = cmp.Or(settings.Docker, swarm.DefaultHost()) // where the docker program would find it
	}
	return dispatch.Job{
		Settings: settings, Request: request, Attempt: 1, Instance: state.NewInstance("run-"), Name: e.Name, Enrolment: e, Deps: deps,
		Lease: run.Lease{Expires: now.Add(request.Limit + run.TeardownBudget)},
	}, nil
}

// copyFiles copies what is there of the named files.
func copyFiles(from, to string, names ...string) error {
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(from, name))
		if os.IsNotExist(err) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), b, 0o644)
		}
		if err != nil {
			return fmt.Errorf("cannot write the results: %w", err)
		}
	}
	return nil
}
