package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"seatrial/bridge/command"
	"seatrial/harness/failpoint"
	"seatrial/internal/exit"
	"seatrial/internal/server"
)

type serveCommand struct {
	forgeOptions
	Tests string `help:"Folder of the enrolments: one folder per recipe, with a recipe.yaml in it. With --dispatch nomad, enrolments in the cluster's variables count too, and the folder may be missing." type:"path" default:"tests"`

	Listen    string `help:"Host and port to listen on, for dashboard, badges and gateway. Port 0 takes a free one." default:"127.0.0.1:8080"`
	PublicURL string `help:"How browsers reach the dashboard; links in comments begin with it. Default: http://, or https:// with --tls-cert, and the listening address." placeholder:"URL"`
	Domain    string `help:"Apps are served at subdomains of this domain. Default: the host name of --public-url, or localhost if that is an IP address." placeholder:"NAME"`

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
	KeepFiles    time.Duration `help:"How long to keep the log and results of a run that has ended. The journal keeps what it came to." default:"2160h"`
	KeepComments time.Duration `help:"How long to keep the author and the text of a command after it was answered. What came of it stays. Of other comments neither is ever kept." default:"2160h"`
	waysOptions
	hookOptions
	settingsOptions
}

func (serveCommand) Help() string {
	return "Needs git; to run code that no enrolment trusts also root and bubblewrap, or a Nomad cluster. " +
		"Ctrl-C or SIGTERM ends the server, not the runs: the next start finds them again. " + nomadHelp
}

// Run joins the parts of a server and runs them until the context ends. Runs go on.
func (c *serveCommand) Run(ctx context.Context, g *Globals, s streams) error {
	if keepSmall(os.LookupEnv) {
		go giveBack(ctx, debug.FreeOSMemory)
	}
	log := g.logger(s.Err)
	config, err := c.config(ctx, g, log)
	if err != nil {
		return err
	}
	sv, err := server.New(ctx, config)
	if err != nil {
		return err
	}
	defer sv.Close()
	fmt.Fprintf(s.Out, "seatrial %s serves %s at %s\n", g.Version, sv.Orgs(), sv.PublicURL)

	if err := sv.Run(ctx); err != nil {
		return err
	}
	log.Info("stopped; runs go on, and are found again at the next start")
	return nil
}

// check refuses options that cannot work, by themselves or together.
func (c *serveCommand) check() error {
	cluster := c.Dispatch == server.Nomad
	for _, no := range []struct {
		so  bool
		why string
	}{
		{c.PublicURL != "" && !isAddress(c.PublicURL), fmt.Sprintf("--public-url %q is not an address: write it like https://ci.example.org", c.PublicURL)},
		{c.TLSCert != "" && c.PublicURL != "" && !strings.HasPrefix(c.PublicURL, "https://"), fmt.Sprintf("--public-url %q is not https, and with --tls-cert everything is served so", c.PublicURL)},
		{c.TLSCert != "" && cluster, "--tls-cert is for runs on this machine: with --dispatch nomad let a proxy in front end TLS"},
		{c.Traefik != "" && cluster, "--traefik is for runs on this machine, and with --dispatch nomad there are none"},
		{c.Poll <= 0 || c.Sweep <= 0 || c.Janitor <= 0 || c.KeepFiles <= 0 || c.KeepComments <= 0, "--poll, --sweep, --janitor, --keep-files and --keep-comments must be above 0"},
		{c.NomadURL != "" && !isWebAddress(c.NomadURL), fmt.Sprintf("--nomad-url %q is not an address: write it like https://nomad.example.org", c.NomadURL)},
		{c.PlaceWithin <= 0, "--place-within must be above 0"},
		{cluster && len(c.Offers) > 0, "--offers is about this machine, and with --dispatch nomad nothing runs on it: put the capabilities into the nodes' meta"},
		{c.PerPerson < 0, "--per-person must be 0, for any number, or above"},
		{c.Capacity < 1, "--capacity must be at least 1"},
	} {
		if no.so {
			return exit.With(exit.Usage, errors.New(no.why))
		}
	}
	return c.waysOptions.check()
}

// isAddress says whether a text is a URL with a host.
func isAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != ""
}

// isWebAddress says whether a text is a URL that a browser opens.
func isWebAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

// config is what the options say. Nothing was touched yet where it is an error.
func (c *serveCommand) config(ctx context.Context, g *Globals, log *slog.Logger) (config server.Config, err error) {
	if err := c.check(); err != nil {
		return config, err
	}
	settings := c.settingsOptions
	if c.Dispatch == server.Nomad {
		settings.Vault = "" // the nodes must have it
	}
	if err := settings.check(ctx, log); err != nil {
		return config, err
	}
	grammar, err := command.NewGrammar(c.Word)
	if err != nil {
		return config, exit.With(exit.Usage, err)
	}
	list, err := c.list()
	if err != nil {
		return config, err
	}
	proxies, err := c.proxies()
	if err != nil {
		return config, err
	}
	night, err := c.night()
	if err != nil {
		return config, err
	}
	config = server.Config{
		Version: g.Version, State: g.folder(),
		Forges: list, TrustedProxies: proxies, HookSHA1: c.HookSHA1,
		Tests: c.Tests, Listen: c.Listen, PublicURL: c.PublicURL,
		Executor: c.Dispatch, Harness: g.harness, Settings: c.settings(c.Domain), Offers: c.Offers, Capacity: c.Capacity,
		Word: c.Word, Grammar: grammar, PerPerson: c.PerPerson, Schedule: c.Schedule, Night: night,
		Poll: c.Poll, Sweep: c.Sweep, Janitor: c.Janitor, KeepFiles: c.KeepFiles, KeepComments: c.KeepComments,
		Log: log,
	}
	config.Nomad.TokenFile, config.Nomad.PlaceWithin, config.Nomad.URL = c.NomadTokenFile, c.PlaceWithin, c.NomadURL
	return config, nil
}

// harness makes the child process of an attempt. It is given none of the bridge's
// secrets: its environment holds what programs need and nothing else, and what the
// operator set lies in the folder.
func (g Globals) harness(program, folder string) *exec.Cmd {
	cmd := exec.Command(program, "--state", g.State, "--log-level", g.LogLevel, "harness", folder)
	cmd.Env = harnessEnv(os.Environ())
	return cmd
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
