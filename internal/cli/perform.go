package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/dispatch/local"
	"seatrial/harness"
	"seatrial/harness/app"
	"seatrial/harness/app/process"
	"seatrial/harness/app/swarm"
	"seatrial/harness/canary"
	"seatrial/harness/check"
	"seatrial/harness/gateway"
	"seatrial/harness/result"
	"seatrial/harness/run"
	"seatrial/harness/stage"
	"seatrial/recipes"
	"seatrial/recipes/git"
)

// buildOptions say what builds and apps may see of this machine.
type buildOptions struct {
	Share    []string `help:"Folder of this machine that isolated builds and apps may read, under the same path. Give the option once for each." type:"path" placeholder:"DIR" sep:"none"`
	BuildEnv []string `help:"Variable for the environment of builds; apps do not get it. Give the option once for each." placeholder:"KEY=VALUE" sep:"none"`
}

// check refuses what no build could use.
func (o buildOptions) check() error {
	for _, dir := range o.Share {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return exitWith(exitConfiguration, fmt.Errorf("--share %s is no folder: name one that is there", dir))
		}
	}
	for _, entry := range o.BuildEnv {
		if name, _, ok := strings.Cut(entry, "="); !ok || name == "" {
			return exitWith(exitUsage, fmt.Errorf("--build-env %q is no variable: write it KEY=VALUE", entry))
		}
	}
	return nil
}

// args are the options as another process of this program is given them.
func (o buildOptions) args() []string {
	var args []string
	for _, share := range o.Share {
		args = append(args, "--share", share)
	}
	for _, entry := range o.BuildEnv {
		args = append(args, "--build-env="+entry)
	}
	return args
}

// performer performs attempts on this machine.
type performer struct {
	state   Globals
	build   buildOptions
	vault   vaultOptions
	docker  *swarm.Engine // for recipes of the target swarm; nil for none
	isolate bool
	domain  string
	baseURL string               // of the app, where something stands in front of the run's own gateway
	gateway string               // host:port on which the run's gateway listens
	cert    *gateway.Certificate // with which it does; nil for plain HTTP
	traefik string               // host:port of a Traefik that leads to apps in the swarm; empty for none
	keep    bool
	cluster *allocation // in which this process is a task; nil on one machine
	secrets []string
	log     *slog.Logger

	show   func(run.Event) // besides the event file; may be nil
	follow io.Writer       // besides the log file; may be nil
}

// perform does the job in its folder: events, log and results lie there afterwards.
func (p performer) perform(ctx context.Context, folder string, job dispatch.Job) (report run.Report, err error) {
	work, err := p.state.stateDir(workDir, 0o711)
	if err != nil {
		return report, err
	}
	mirrors, err := p.state.stateDir(mirrorsDir, 0o700)
	if err != nil {
		return report, err
	}
	events, err := harness.OpenEventFile(filepath.Join(folder, dispatch.EventsFile))
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, events.Close()) }()
	logFile, err := harness.OpenLogFile(filepath.Join(folder, dispatch.LogFile), harness.MaxLog)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, logFile.Close()) }()
	var log io.Writer = logFile
	if p.follow != nil {
		log = io.MultiWriter(logFile, p.follow)
	}
	temp := local.Temp(folder)
	if err := os.MkdirAll(temp, 0o700); err != nil {
		return report, fmt.Errorf("cannot make the run's temporary folder: %w", err)
	}
	cache := filepath.Join(temp, cacheDir)
	defer func() { err = errors.Join(err, process.RemoveCache(cache)) }()
	var deployed app.App // the recipe's own
	report, err = harness.Run(ctx, harness.Job{
		Request: job.Request, Attempt: job.Attempt, Labels: job.Labels(), Enrolment: job.Enrolment,
		Work: temp, Log: log, Secrets: p.secrets,
		Sink: func(e run.Event) error {
			if p.show != nil {
				p.show(e)
			}
			return events.Append(e)
		},
		Deps: dependencies(job), NoDeps: job.NoDeps, Latest: latest(mirrors, work),
		Source: source{git: git.Source{Mirrors: mirrors, Tags: job.Enrolment.Versions.Tags}, copy: job.Copy, disk: work},
		NewApp: func(_ context.Context, c harness.AppConfig) (made app.App, err error) {
			defer func() {
				if err == nil && c.Label == job.Request.ID.Label(job.Request.Recipe) {
					deployed = made
				}
			}()
			switch c.Enrolment.Target {
			case targetNomad:
				return p.cluster.newApp(c)
			case recipes.TargetSwarm:
				return p.newSwarmApp(c, job, temp)
			}
			return process.New(process.Config{
				Labels: c.Labels, Label: c.Label, BaseURL: c.BaseURL, Enrolment: c.Enrolment, WorkRoot: work,
				Isolate: p.isolate && !c.Trusted, UID: userOf(c.Label), Share: p.build.Share, BuildEnv: p.build.BuildEnv, Cache: cache, Log: c.Log,
			})
		},
		Gateway: func(host string, dial harness.Dial) (harness.Front, error) {
			front, err := p.front(job.Enrolment, host, dial)
			p.gateway = "" // it is taken; the gateways of dependencies are where there is room
			return front, err
		},
		Where:  p.cluster.where(),
		Vault:  p.vault.open(filepath.Join(temp, vaultDir)),
		Tools:  p.tools,
		Domain: p.domain, BaseURL: p.baseURL, Keep: p.keep,
		Now: time.Now, Logger: p.log,
	})
	if err != nil {
		return report, err
	}
	p.keepBoot(job.Request.Recipe, deployed)
	if err := result.Write(folder, report); err != nil {
		return report, err
	}
	if err := errors.Join(process.RemoveCache(cache), os.RemoveAll(temp)); err != nil {
		return report, fmt.Errorf("cannot remove the run's temporary folder: %w", err)
	}
	return report, nil
}

// userBase is where the user ids of isolated apps begin: far above people and
// services.
const userBase = 0x4000_0000

// userOf is the user id of an app: the six digits of its label, which no two
// living runs share.
func userOf(label string) int {
	n, err := strconv.ParseInt(label[strings.LastIndexByte(label, '-')+1:], 16, 32)
	if err != nil {
		panic(fmt.Sprintf("the label %q ends in no number", label))
	}
	return userBase + int(n)
}

// tools are what the stages look at an app with.
func (p performer) tools(b harness.Bench) stage.Tools {
	return stage.Tools{
		Canaries: planter{canary.Planter{App: b.App, Ignore: b.Enrolment.Canaries.Ignore}},
		Steps:    &check.Runner{BaseURL: b.BaseURL, Client: b.Client, Exec: b.App},
		Lint:     func(ctx context.Context) ([]run.Finding, error) { return p.lint(ctx, b) },
		Policy:   swarmPolicy(b),
	}
}

// planter lets the stages plant canaries.
type planter struct{ canary.Planter }

func (p planter) Plant(ctx context.Context) (stage.Marks, error) {
	set, err := p.Planter.Plant(ctx)
	if err != nil {
		return nil, err
	}
	return set, nil
}

// source brings the code by git, if there is room for it.
type source struct {
	git  git.Source
	copy string // the folder that is fetched from, in the place of a private repository's address
	disk string
}

func (s source) Fetch(ctx context.Context, code run.Code, from, into string) (harness.Fetched, error) {
	if err := checkSpace(s.disk); err != nil {
		return harness.Fetched{}, err
	}
	got, err := s.git.Fetch(ctx, git.Code{
		URL: code.URL, Copy: s.copy, Ref: code.Ref, Commit: code.Commit, Base: code.Base, WorkTree: code.WorkTree,
	}, from, into)
	if err != nil {
		return harness.Fetched{}, err
	}
	fetched := harness.Fetched{Head: release(got.Head), Subject: got.Subject}
	for _, v := range got.Versions {
		fetched.Versions = append(fetched.Versions, v.Tag)
	}
	if got.Previous != nil {
		previous := release(*got.Previous)
		fetched.Previous = &previous
	}
	return fetched, nil
}

func release(r git.Release) app.Release {
	return app.Release{Name: r.Name, Commit: r.Commit, Tree: r.Tree, Dir: r.Dir}
}
