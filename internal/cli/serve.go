package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"seatrial/bridge"
	"seatrial/bridge/command"
	"seatrial/bridge/queue"
	"seatrial/harness/failpoint"
	"seatrial/harness/gateway"
	"seatrial/harness/janitor"
	"seatrial/harness/run"
	"seatrial/recipes"
	"seatrial/store"
)

type serveCommand struct {
	forgeOptions
	Tests string `help:"Folder of the enrolments: a folder a recipe, with a recipe.yaml in it. With --dispatch nomad those in the cluster's variables count, too, and there need be no folder." type:"path" default:"tests"`

	Listen    string `help:"Host and port to listen on, for dashboard, badges and gateway. Port 0 takes a free one." default:"127.0.0.1:8080"`
	PublicURL string `help:"How browsers reach the dashboard; links in comments begin with it. Default: http://, or https:// with --tls-cert, and the listening address." placeholder:"URL"`
	Domain    string `help:"Apps are served at subdomains of this domain. Default: the host name of --public-url, or localhost where that is a number." placeholder:"NAME"`

	Dispatch    string        `help:"Where runs go: local, which is this machine, or nomad, which is the cluster at NOMAD_ADDR; seatrial nomad setup prepares one." enum:"local,nomad" default:"local"`
	PlaceWithin time.Duration `help:"With --dispatch nomad: how long a run may wait for a node that has room for it." default:"5m"`
	NomadURL    string        `name:"nomad-url" help:"How browsers reach Nomad's own pages; a run's page links to them. Default: the address in NOMAD_ADDR." placeholder:"URL"`
	nomadOptions

	Capacity     int           `help:"How many runs may be under way at once." default:"1"`
	Offers       []string      `help:"Capabilities that this machine has. A recipe whose enrolment names another one under needs is refused." placeholder:"NAME"`
	PerPerson    int           `help:"How many runs one person may ask for in an hour by comments; 0 for any number." default:"20"`
	Word         string        `help:"What people comment to start a run. It must be the whole comment." default:"!testme"`
	Poll         time.Duration `help:"How often to ask the forge for new comments, with one question for the whole organisation." default:"30s"`
	Sweep        time.Duration `help:"How often to read each enrolled repository's comments as well, in case the forge's search missed one." default:"10m"`
	Janitor      time.Duration `help:"How often to look for what outlived its run." default:"10m"`
	KeepFiles    time.Duration `help:"How long to keep log and results of a run that has ended. The journal keeps what it came to." default:"2160h"`
	KeepComments time.Duration `help:"How long to keep who wrote a command, and its text, once it was answered. What came of it stays. Of other comments neither is ever kept." default:"2160h"`
	waysOptions
	hookOptions
	frontOptions
	registryOptions
	buildOptions
	vaultOptions
	dockerOptions
}

// Help is shown below the summary.
func (serveCommand) Help() string {
	return "Needs git; to run code that no enrolment trusts also root and bubblewrap, or a Nomad cluster. " +
		"Ctrl-C or SIGTERM ends the server, not the runs: the next start finds them again. " + nomadHelp
}

const (
	// memoryTarget and collectAt keep the garbage collector eager: a bridge waits most
	// of the time, and what it holds should be what it needs.
	memoryTarget = 40 << 20
	collectAt    = 50 // percent of what is in use
	// shutdownGrace is for requests that are being answered.
	shutdownGrace = 5 * time.Second
	// accessPause is between two looks at what the bot may do, until it may.
	accessPause = time.Minute
)

// Run joins the parts of a server and runs them until the context ends. Runs go on.
func (c *serveCommand) Run(ctx context.Context, g *Globals, s streams) error {
	debug.SetMemoryLimit(memoryTarget)
	debug.SetGCPercent(collectAt)
	log := g.logger(s.Err)
	sv, err := c.prepare(ctx, g, log)
	if err != nil {
		return err
	}
	defer sv.close()
	fmt.Fprintf(s.Out, "seatrial %s serves %s at %s\n", g.Version, sv.orgs(), c.PublicURL)

	if err := sv.run(ctx, c.Janitor); err != nil {
		return err
	}
	log.Info("stopped; runs go on, and are found again at the next start")
	return nil
}

// check fills in what follows from other options and refuses what cannot work.
func (c *serveCommand) check() error {
	if c.PublicURL == "" {
		c.PublicURL = c.scheme() + "://" + c.Listen
	}
	public, err := url.Parse(c.PublicURL)
	if err != nil || public.Host == "" {
		return exitWith(exitUsage, fmt.Errorf("--public-url %q is not an address: write it like https://ci.example.org", c.PublicURL))
	}
	if c.TLSCert != "" && public.Scheme != "https" {
		return exitWith(exitUsage, fmt.Errorf("--public-url %q is not https, and with --tls-cert everything is served so", c.PublicURL))
	}
	if c.TLSCert != "" && c.Dispatch == dispatchNomad {
		return exitWith(exitUsage, errors.New("--tls-cert is for runs on this machine: with --dispatch nomad let a proxy in front end TLS"))
	}
	if c.Traefik != "" && c.Dispatch == dispatchNomad {
		return exitWith(exitUsage, errors.New("--traefik is for runs on this machine, and with --dispatch nomad there are none"))
	}
	if c.Domain == "" {
		c.Domain = public.Hostname()
		if c.Domain == "" || net.ParseIP(c.Domain) != nil {
			c.Domain = "localhost"
		}
	}
	if c.Poll <= 0 || c.Sweep <= 0 || c.Janitor <= 0 || c.KeepFiles <= 0 || c.KeepComments <= 0 {
		return exitWith(exitUsage, errors.New("--poll, --sweep, --janitor, --keep-files and --keep-comments must be above 0"))
	}
	if nomad, err := url.Parse(c.NomadURL); c.NomadURL != "" && (err != nil || nomad.Host == "" || nomad.Scheme != "http" && nomad.Scheme != "https") {
		return exitWith(exitUsage, fmt.Errorf("--nomad-url %q is not an address: write it like https://nomad.example.org", c.NomadURL))
	}
	if c.PlaceWithin <= 0 {
		return exitWith(exitUsage, errors.New("--place-within must be above 0"))
	}
	if c.Dispatch == dispatchNomad && len(c.Offers) > 0 {
		return exitWith(exitUsage, errors.New("--offers is about this machine, and with --dispatch nomad nothing runs on it: put the capabilities into the nodes' meta"))
	}
	if c.PerPerson < 0 {
		return exitWith(exitUsage, errors.New("--per-person must be 0, for any number, or above"))
	}
	if c.Capacity < 1 {
		return exitWith(exitUsage, errors.New("--capacity must be at least 1"))
	}
	if err := c.waysOptions.check(); err != nil {
		return err
	}
	return c.buildOptions.check()
}

// prepare opens everything that can refuse to open before anything starts.
func (c *serveCommand) prepare(ctx context.Context, g *Globals, log *slog.Logger) (sv *server, err error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Dispatch != dispatchNomad { // else the nodes must have it
		if err := c.vaultOptions.check(ctx); err != nil {
			return nil, err
		}
	}
	grammar, err := command.NewGrammar(c.Word)
	if err != nil {
		return nil, exitWith(exitUsage, err)
	}
	if _, err := c.list(); err != nil { // before the state folder is touched
		return nil, err
	}
	if err := c.registryOptions.check(log); err != nil {
		return nil, err
	}
	cert, err := c.certificate(c.Domain, log)
	if err != nil {
		return nil, err
	}
	sv = &server{log: log, version: g.Version, cert: cert, public: c.PublicURL, keepFiles: c.KeepFiles, keepComments: c.KeepComments}
	defer func() {
		if err != nil {
			sv.close()
		}
	}()
	runs, err := g.stateDir(runsDir, 0o700)
	if err != nil {
		return sv, err
	}
	sv.runs = runs
	work, err := g.stateDir(workDir, 0o711)
	if err != nil {
		return sv, err
	}
	instance, err := g.instance()
	if err != nil {
		return sv, err
	}
	unlock, err := g.lock()
	if err != nil {
		return sv, err
	}
	sv.onClose(unlock)
	if err := checkSpace(work); err != nil {
		log.Warn("no run can begin before there is more space", "why", err)
	}
	if c.Dispatch == dispatchNomad {
		if sv.cluster, err = c.access(log); err != nil {
			return sv, err
		}
		sv.nomadURL = cmp.Or(c.NomadURL, sv.cluster.client.Address())
	}
	if sv.enrolments, err = c.enrolments(ctx, sv); err != nil {
		return sv, err
	}
	if err := reportProblems(sv.enrolments.Book(), log); err != nil {
		return sv, err
	}
	db, err := store.Open(ctx, filepath.Join(g.State, journalFile), store.Options{
		Log: log, AfterAppend: func(kind run.Kind) { failpoint.Hit("journal:" + string(kind)) },
	})
	if err != nil {
		return sv, exitWith(exitConfiguration, err)
	}
	sv.journal = db
	sv.onClose(func() { db.Close() })
	if sv.listener, err = net.Listen("tcp", c.Listen); err != nil {
		return sv, exitWith(exitUnavailable, fmt.Errorf("cannot listen on %s: %w (choose another address with --listen)", c.Listen, err))
	}
	sv.onClose(func() { sv.listener.Close() })
	c.listened(sv)

	scratch, err := g.stateDir(scratchDir, 0o700)
	if err != nil {
		return sv, err
	}
	if sv.forges, err = c.forgeOptions.connect(scratch, log); err != nil {
		return sv, err
	}
	if sv.docker, err = c.dockerOptions.connect(ctx, c.RegistryAuth); err != nil {
		return sv, err
	}
	if sv.docker != nil {
		sv.onClose(func() { sv.docker.Close() })
	}
	if sv.place, err = c.place(ctx, g, sv, instance, work, runs); err != nil {
		return sv, err
	}
	sv.queue = queue.New(queue.Config{Capacity: c.Capacity, Offers: sv.place.offers, Prepares: sv.prepares, Now: time.Now})
	sv.router = gateway.NewRouter(c.Domain, cert, log)
	sv.janitor = janitor.Janitor{Instance: sv.place.instance, Places: sv.place.objects, Owners: journalOwners{db}, Now: time.Now, Log: log}
	sv.bridge, err = bridge.New(bridge.Config{
		Forges:     sv.bridgeForges(),
		Enrolments: func() []recipes.Enrolment { return sv.enrolments.Book().Enrolments },
		Journal:    db, Ledger: db, Queue: sv.queue, Dispatcher: sv.place.dispatcher, Routes: sv.router, Baselines: db, Preparer: sv.place.preparer,
		CannotIsolate: func() string { return sv.place.cannotIsolate }, CannotDispatch: sv.place.obstacle,
		Copies: sv.place.copies, CannotFetch: sv.place.cannotFetch,
		PublicURL: c.PublicURL, Grammar: grammar, PerPerson: c.PerPerson,
		Mask:     sv.mask,
		Interval: c.Poll, SweepEvery: c.Sweep, Now: time.Now, Log: log,
	})
	if err != nil {
		return sv, err
	}
	return sv, c.open(*g, sv, db, log)
}

// open makes what leads to the bridge, and what shows it.
func (c *serveCommand) open(g Globals, sv *server, db *store.DB, log *slog.Logger) error {
	all, err := hookForges(g, c.hookOptions, sv.list(), log)
	if err != nil {
		return err
	}
	if sv.hooks, err = newHooks(c.hookOptions, all, sv.bridge, db, log); err != nil {
		return err
	}
	if sv.front, err = newFront(g, c.hookOptions, sv, all, log); err != nil {
		return err
	}
	if sv.scheduler, err = newScheduler(c.waysOptions, sv, c.Word, log); err != nil {
		return err
	}
	if err := g.writeAddress(c.PublicURL); err != nil {
		return err
	}
	sv.dashboard = newDashboard(sv, db.Pages(), sv.runs, c.Word)
	return nil
}

// scheme is what is spoken at the listening address.
func (c *serveCommand) scheme() string {
	if c.TLSCert != "" {
		return "https"
	}
	return "http"
}

// listened puts the real port where port 0 was asked for.
func (c *serveCommand) listened(sv *server) {
	addr := sv.listener.Addr().String()
	if scheme := c.scheme() + "://"; c.PublicURL == scheme+c.Listen {
		c.PublicURL = scheme + addr
		// Who listens everywhere is reached at no particular address.
		if host, port, err := net.SplitHostPort(addr); err == nil && net.ParseIP(host).IsUnspecified() {
			c.PublicURL = scheme + net.JoinHostPort("localhost", port)
		}
	}
	c.Listen = addr
	sv.public = c.PublicURL
}

// harness makes the child process of an attempt. It is given none of the bridge's
// secrets: its environment holds what programs need and nothing else.
func (c *serveCommand) harness(self string, g *Globals) func(folder string) *exec.Cmd {
	return func(folder string) *exec.Cmd {
		args := []string{"--state", g.State, "--log-level", g.LogLevel, "harness", "--public-url", c.PublicURL, "--domain", c.Domain}
		args = append(args, c.frontOptions.args()...)
		args = append(args, c.registryOptions.args()...)
		args = append(args, c.buildOptions.args()...)
		args = append(args, c.vaultOptions.args()...)
		args = append(args, c.dockerOptions.args()...)
		cmd := exec.Command(self, append(args, folder)...)
		cmd.Env = harnessEnv(os.Environ())
		return cmd
	}
}

// harnessEnv is what of our environment a harness is given.
func harnessEnv(environ []string) []string {
	wanted := []string{"PATH", "HOME", "LANG", "TZ", "TMPDIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"}
	if failpoint.Enabled {
		wanted = append(wanted, "SEATRIAL_FAILPOINT", "SEATRIAL_FAILPOINT_ONCE")
	}
	var env []string
	for _, entry := range environ {
		if name, _, _ := strings.Cut(entry, "="); slices.Contains(wanted, name) {
			env = append(env, entry)
		}
	}
	return env
}

// reportProblems logs what is wrong with enrolments. It is an error only if that
// leaves none.
func reportProblems(book *recipes.Book, log *slog.Logger) error {
	for _, p := range book.Problems {
		log.Error("an enrolment cannot be used", "problem", p.String())
	}
	if len(book.Enrolments) == 0 && len(book.Problems) > 0 {
		return exitWith(exitConfiguration, errors.New("no enrolment can be used: seatrial recipes check shows why"))
	}
	return nil
}
