// Package perform joins what one attempt needs: the harness, the deployers, the vaults,
// git and the gateway. `seatrial run`, the harness that a server starts and a cluster's
// executor perform with it, so that all three ask the same of an app.
//
// It knows no forge and no queue. An attempt leaves its files in its folder, and nothing
// else: what it deployed is gone when Perform returns, or is told as left over.
package perform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/dispatch/local"
	"seatrial/harness"
	"seatrial/harness/app/process"
	"seatrial/harness/app/swarm"
	"seatrial/harness/gateway"
	"seatrial/harness/result"
	"seatrial/harness/run"
	"seatrial/internal/exit"
	"seatrial/internal/state"
	"seatrial/recipes"
)

// Config is one attempt and where it is performed.
type Config struct {
	State      state.Folder
	Job        dispatch.Job
	Allocation *Allocation // in which this process is a task; nil on one machine

	Isolate bool     // build and app run as a stranger's, unless the enrolment trusts them
	Keep    bool     // leave the app up after the stages until the context ends
	Secrets []string // that no stream may show

	Log    *slog.Logger
	Show   func(run.Event) // besides the event file; may be nil
	Follow io.Writer       // besides the log file; may be nil
}

// Performer performs one attempt on this machine.
type Performer struct {
	Config
	engine  *swarm.Engine        // for recipes of the target swarm; nil for others
	cert    *gateway.Certificate // of the app's gateway; nil for plain HTTP
	baseURL string               // of the app, where something stands in front of its gateway
	gateway string               // host:port that its gateway must have; empty for a free one
}

// New opens what the attempt needs and can be missing: a certificate, an engine.
func New(ctx context.Context, c Config) (p *Performer, err error) {
	p = &Performer{Config: c}
	if c.Allocation != nil {
		p.Job.Settings.PublicURL, p.Job.Settings.Domain, p.gateway = c.Allocation.publicURL, c.Allocation.domain, c.Allocation.gateway
	}
	settings := p.Job.Settings
	if p.baseURL, err = appURL(settings.PublicURL, c.Job.Request, settings.Domain); err != nil {
		return nil, err
	}
	if p.cert, err = Certificate(settings, c.Log); err != nil {
		return nil, err
	}
	if c.Job.Enrolment.Target == recipes.TargetSwarm && c.Allocation == nil {
		p.engine, err = Engine(ctx, settings)
	}
	return p, err
}

// The folders below an attempt's temporary one.
const (
	vaultDir = "vault" // snapshots, while a run lives
	cacheDir = "cache" // of its builds, while a run lives: never another's
)

// Perform does the job in its folder: events, log and results lie there afterwards.
func (p *Performer) Perform(ctx context.Context, folder string) (report run.Report, err error) {
	work, err := p.State.Work()
	if err != nil {
		return report, err
	}
	mirrors, err := p.State.Own(state.MirrorsDir)
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
	if p.Follow != nil {
		log = io.MultiWriter(logFile, p.Follow)
	}
	temp := local.Temp(folder)
	if err := os.MkdirAll(temp, 0o700); err != nil {
		return report, fmt.Errorf("cannot make the run's temporary folder: %w", err)
	}
	cache := filepath.Join(temp, cacheDir)
	defer func() { err = errors.Join(err, process.RemoveCache(cache)) }()
	apps := &apps{Performer: p, work: work, temp: temp, cache: cache}
	report, err = harness.Run(ctx, harness.Job{
		Request: p.Job.Request, Attempt: p.Job.Attempt, Labels: p.Job.Labels(), Enrolment: p.Job.Enrolment,
		Work: temp, Log: log, Secrets: p.Secrets,
		Sink: func(e run.Event) error {
			if p.Show != nil {
				p.Show(e)
			}
			return events.Append(e)
		},
		Deps: dependencies(p.Job), NoDeps: p.Job.NoDeps, Latest: latest(mirrors, work),
		Source: NewSource(mirrors, p.Job.Enrolment, p.Job.Copy, work),
		NewApp: apps.new, Gateway: p.front,
		Where: p.Allocation.where(),
		Vault: openVault(p.Job.Settings.Vault, filepath.Join(temp, vaultDir)),
		Tools: p.tools, Domain: p.Job.Settings.Domain, BaseURL: p.baseURL, Keep: p.Keep,
		Now: time.Now, Logger: p.Log,
	})
	if err != nil {
		return report, err
	}
	p.keepBoot(p.Job.Request.Recipe, apps.own)
	if err := result.Write(folder, report); err != nil {
		return report, err
	}
	if err := errors.Join(process.RemoveCache(cache), os.RemoveAll(temp)); err != nil {
		return report, fmt.Errorf("cannot remove the run's temporary folder: %w", err)
	}
	return report, nil
}

// appURL is the address of a run's app behind a public address.
func appURL(public string, r run.Request, domain string) (string, error) {
	if public == "" {
		return "", nil
	}
	scheme, rest, ok := strings.Cut(public, "://")
	if !ok {
		return "", exit.Errorf(exit.Usage, "%q is not an address: write it like https://ci.example.org", public)
	}
	host, _, _ := strings.Cut(rest, "/")
	port := ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		port = host[i:]
	}
	return scheme + "://" + r.ID.Label(r.Recipe) + "." + domain + port, nil
}

// SecretsOf are the values of the environment that look like secrets by their
// name, so that no stream shows them.
func SecretsOf(environ []string) []string {
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
