package cli

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

	"seatrial/bridge/command"
	"seatrial/bridge/dispatch"
	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
	"seatrial/bridge/forges"
	"seatrial/bridge/schedule"
	"seatrial/harness/cluster"
	"seatrial/harness/run"
	"seatrial/internal/exit"
	"seatrial/internal/server"
	"seatrial/recipes/examples"
	"seatrial/secrets"
	"seatrial/store"
)

type demoCommand struct {
	Stay  bool `help:"Keep forge, dashboard and bridge up until Ctrl-C, to try things."`
	Nomad bool `help:"Let the run go to a Nomad cluster: the one at NOMAD_ADDR, whose nodes must be this machine, or an agent that is started for the demo."`
}

func (demoCommand) Help() string {
	return "Everything is on loopback, in a temporary folder that is removed at the end; --state has no effect. " +
		"Exit codes: 0 pass, 1 fail, 2 unverified or interrupted."
}

const (
	demoOrg      = "harbour"
	demoBot      = "seatrial"
	demoMember   = "anna"
	demoStranger = "mallory"
	demoWord     = "!testme"
	// demoPatience is for the whole run; it takes well under a minute.
	demoPatience = 5 * time.Minute
)

// Run shows a whole run: a forge with a pull request, a comment, a verdict.
func (c *demoCommand) Run(ctx context.Context, g *Globals, s streams) error {
	dir, err := os.MkdirTemp("", "seatrial-demo-")
	if err != nil {
		return exit.Errorf(exit.Configuration, "cannot make a folder for the demo: %w (name another with TMPDIR)", err)
	}
	defer os.RemoveAll(dir)
	d := &demo{dir: dir, out: s.Out, globals: Globals{Version: g.Version, State: filepath.Join(dir, "state"), LogLevel: g.LogLevel, LogJSON: true}}
	logFile, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	defer logFile.Close()
	d.log = slog.New(slog.NewTextHandler(logFile, nil))
	if err := d.openForge(ctx); err != nil {
		return err
	}
	defer d.forge.Close()
	if c.Nomad {
		if err := d.openCluster(ctx); err != nil {
			return err
		}
		return errors.Join(d.serve(ctx, c.Stay), d.cluster.close())
	}
	return d.serve(ctx, c.Stay)
}

// demo is a forge and a server in one temporary folder.
type demo struct {
	dir     string
	out     io.Writer
	globals Globals
	log     *slog.Logger

	forge    *forgetest.Server
	token    string
	repo     forge.Repo
	pull     int
	tests    string
	settings dispatch.Settings

	cluster *demoCluster // nil: runs stay on this machine
}

// openForge starts a forge with an organisation, its bot, a member, a stranger, and
// the guestbook with two releases and a pull request.
func (d *demo) openForge(ctx context.Context) (err error) {
	source := filepath.Join(d.dir, "guestbook")
	if err := examples.Write(ctx, "guestbook", source); err != nil {
		return exit.Errorf(exit.Configuration, "cannot write the example recipe: %w (the demo needs git, and some room in TMPDIR)", err)
	}
	// The demo trusts what it brings, so that it needs neither root nor bubblewrap.
	enrolment, err := examples.Enrolment("guestbook")
	if err != nil {
		return err
	}
	d.tests = filepath.Join(d.dir, "tests")
	enrolment = append(enrolment, "\ntrusted:\n  code: true\n"...)
	if err := examples.WriteEnrolmentText("guestbook", demoOrg+"/guestbook", d.tests, enrolment); err != nil {
		return err
	}
	variable, folder, err := examples.Toolchain(d.dir)
	if err != nil {
		return err
	}
	d.settings = dispatch.Settings{Domain: "localhost", Share: []string{folder}, BuildEnv: []string{variable}}
	repos := filepath.Join(d.dir, "forge")
	if err := os.Mkdir(repos, 0o700); err != nil {
		return err
	}
	if d.forge, err = forgetest.New(forgetest.Options{Dir: repos, Word: demoWord}); err != nil {
		return err
	}
	steps := []func() error{
		func() error { return d.forge.AddOrg(demoOrg) },
		func() error { _, err := d.forge.AddUser(demoBot); return err },
		func() error { _, err := d.forge.AddUser(demoMember); return err },
		func() error { _, err := d.forge.AddUser(demoStranger); return err },
		func() error { return d.forge.AddMember(demoOrg, demoBot, forgetest.Write) },
		func() error { return d.forge.AddMember(demoOrg, demoMember, forgetest.Read) },
		func() error { d.token, err = d.forge.Token(demoBot); return err },
		func() error { d.repo, err = d.forge.AddRepo(demoOrg, "guestbook", source); return err },
		func() error {
			d.pull, err = d.forge.OpenPull(forgetest.NewPull{Repo: d.repo, Author: demoStranger, Title: "Show how many entries there are", Branch: "count", Dir: source, Ref: examples.PullBranch})
			return err
		},
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return errors.Join(fmt.Errorf("cannot prepare the demo's forge: %w", err), d.forge.Close())
		}
	}
	return nil
}

// serve starts a server, comments, and waits for what comes of it.
func (d *demo) serve(ctx context.Context, stay bool) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	sv, err := server.New(ctx, d.config())
	if err != nil {
		return err
	}
	defer sv.Close()
	served := make(chan error, 1)
	go func() { served <- sv.Run(ctx) }()
	defer func() {
		stop()
		<-served
	}()
	pullPage := fmt.Sprintf("%s/%s/pulls/%d", strings.TrimSuffix(d.forge.URL(), "/"), d.repo, d.pull)
	fmt.Fprintf(d.out, "Forge:      %s\nDashboard:  %s\n\n%s comments %s on the pull request.\n\n", pullPage, sv.PublicURL, demoMember, demoWord)
	// The bridge answers what is written from now on: it must have looked once.
	if err := d.awaitFirstLook(ctx, sv); err != nil {
		return err
	}
	if _, err := d.forge.Comment(d.repo, d.pull, demoMember, demoWord); err != nil {
		return err
	}
	report, err := d.follow(ctx, sv.Journal())
	if err != nil {
		return d.abandon(sv, err)
	}
	if err := d.tell(ctx, sv, report); err != nil {
		return err
	}
	if stay {
		fmt.Fprintf(d.out, "\nEverything stays up until Ctrl-C. Comment at %s, as the member or as the stranger.\n", pullPage)
		<-ctx.Done()
		return d.abandon(sv, nil)
	}
	return verdictExit(report.Verdict())
}

// config is that of a server for the one forge, which looks at it often.
func (d *demo) config() server.Config {
	grammar, err := command.NewGrammar(demoWord)
	if err != nil {
		panic(err) // every test would see it
	}
	c := server.Config{
		Version: d.globals.Version, State: d.globals.folder(),
		Forges: []forges.Forge{{ID: defaultForgeID, Kind: forges.Gitea, URL: strings.TrimRight(d.forge.URL(), "/"), Org: demoOrg, Token: secrets.New(d.token)}},
		Tests:  d.tests, Listen: "127.0.0.1:0", Executor: server.Local, Harness: d.globals.harness, Settings: d.settings, Capacity: 1,
		Word: demoWord, Grammar: grammar, Schedule: "off", Night: schedule.DefaultNight,
		Poll: time.Second, Sweep: time.Minute, Janitor: time.Minute, KeepFiles: time.Hour, KeepComments: time.Hour, Log: d.log,
	}
	if d.cluster != nil {
		c.Executor, c.Nomad.PlaceWithin = server.Nomad, time.Minute
		c.Nomad.Login = cluster.Login{TokenFile: d.cluster.tokenFile, Address: d.cluster.access.Address(), Namespace: d.cluster.access.Namespaces.Runs}
	}
	return c
}

func (d *demo) awaitFirstLook(ctx context.Context, sv *server.Server) error {
	return await(ctx, 20*time.Second, "the bridge to look at the forge", func() (bool, error) {
		at, err := sv.Journal().Cursor(ctx, forge.Scope{Forge: defaultForgeID, Org: demoOrg}.Name())
		return at != "", err
	})
}

// follow shows the run as it happens and returns what it came to.
func (d *demo) follow(ctx context.Context, db *store.DB) (run.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, demoPatience)
	defer cancel()
	shown := newProgress(d.out, false)
	defer shown.close()
	var report run.Report
	for entry, err := range db.Follow(ctx, 0) {
		if err != nil {
			return report, err
		}
		if err := report.Apply(entry.Event); err != nil {
			return report, err
		}
		shown.show(entry.Event)
		if report.State == run.Ended {
			return report, nil
		}
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return report, exit.Errorf(exit.Unverified, "gave up after %s waiting for the run to end: last seen %s", demoPatience, report.State)
	}
	return report, context.Canceled
}

// tell prints the finished comment and the addresses.
func (d *demo) tell(ctx context.Context, sv *server.Server, report run.Report) error {
	var body string
	err := await(ctx, 30*time.Second, "the comment to be finished", func() (bool, error) {
		said, err := sv.Journal().Announcement(ctx, "run:"+string(report.Request.ID))
		if err != nil || !said.Done {
			return false, err
		}
		comments, err := d.forge.Comments(d.repo, d.pull)
		for _, comment := range comments {
			if comment.ID == said.CommentID {
				body = comment.Body
			}
		}
		return body != "", err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "\nThe comment on the pull request:\n\n%s\n\n", indent(body))
	fmt.Fprintf(d.out, "Run:        %s/runs/%s\nBadge:      %s/badge/guestbook.svg?pr=%d\n", sv.PublicURL, report.Request.ID, sv.PublicURL, d.pull)
	if d.cluster != nil {
		d.cluster.tell(d.out, report)
	}
	fmt.Fprintf(d.out, "Verdict:    %s, level %d of %d, %d left over\n", report.Verdict(), report.Level(), run.MaxLevel, len(report.Leftovers))
	return nil
}

// abandon cancels what still runs and waits until it is torn down, so that Ctrl-C
// leaves nothing.
func (d *demo) abandon(sv *server.Server, cause error) error {
	// Its own context: the demo's has ended.
	ctx, cancel := context.WithTimeout(context.Background(), run.TeardownBudget)
	defer cancel()
	return errors.Join(cause, sv.Drain(ctx))
}

// await asks until it is so.
func await(ctx context.Context, patience time.Duration, what string, so func() (bool, error)) error {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := so()
		if err != nil || done {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return fmt.Errorf("gave up after %s waiting for %s", patience, what)
		case <-tick.C:
		}
	}
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(printableLines(text), "\n", "\n    ")
}
