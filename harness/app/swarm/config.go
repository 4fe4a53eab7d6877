package swarm

import (
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/app/inside"
	"seatrial/harness/app/loaded"
	"seatrial/harness/run"
	"seatrial/internal/lazyregexp"
	"seatrial/recipes"
	"seatrial/recipes/compose"
)

// Config says what to deploy, where, and for whom.
type Config struct {
	Engine *Engine
	// Stacks deploys stacks; nil means the docker program.
	Stacks Stacks

	Labels    run.Labels
	Label     string            // the subdomain, which is the stack's name
	BaseURL   string            // the app's address; its host is the recipe's DOMAIN
	Enrolment recipes.Enrolment // with its defaults filled in

	// Network is what the recipes' external network proxy stands for. Empty: a network of
	// this app alone, which Destroy removes. Of several apps of a run, the one that is
	// deployed first has it, and the others are told its ProxyName.
	Network string

	// Scratch is an existing folder for temporary files. What is made in it is removed again.
	Scratch string

	// Log receives each line that the app prints, and what the deployer did; source is the
	// service's name. It is called by one goroutine at a time.
	Log func(source, line string)
	Now func() time.Time
}

var (
	instanceName = lazyregexp.New(`^[A-Za-z0-9_-]{1,64}$`)
	stackName    = lazyregexp.New(`^[a-z][a-z0-9-]{0,29}$`)
)

// App is one deployed instance. It implements app.App, and what a recipe declares.
type App struct {
	inside.Storage

	cfg    Config
	domain string
	logs   app.Followers
	pulse  pulse

	// life is held by whatever changes the instance as a whole.
	life sync.Mutex

	mu      sync.Mutex // guards what follows
	current *deployed
	history []*deployed       // what was deployed since the last Destroy, the oldest first
	stopped map[string]mode   // how the services ran, while they are stopped; nil while they run
	since   time.Time         // since when a task that ended is a fault
	values  map[string]string // of generated secrets, by full name: the same for the whole run
	frozen  func() error      // thaws
	images  map[string]int64
	used    app.Usage
	boot    time.Duration
	hits    app.Hits
}

var (
	_ app.App      = (*App)(nil)
	_ app.Declarer = (*App)(nil)
	_ app.Merger   = (*App)(nil)
	_ app.Meter    = (*App)(nil)
	_ app.Witness  = (*App)(nil)
)

// deployed is a release, and what it was read as.
type deployed struct {
	release  app.Release
	recipe   *compose.Recipe
	serial   string                     // marks the services that are of this release
	pinned   map[string]string          // service → the image with its digest
	images   map[string]string          // service → the image's ID
	programs map[inside.Digest]bool     // what its services ran out of their images
	before   map[string]loaded.Manifest // volume → what was in it when it was upgraded to this; none for the first
}

// New prepares a deployer for one run's app. It makes nothing yet.
func New(cfg Config) (*App, error) {
	if err := valid(&cfg); err != nil {
		return nil, fmt.Errorf("cannot prepare the app: %w", err)
	}
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Hostname() == "" {
		return nil, fmt.Errorf("cannot prepare the app: %q is no address of it", cfg.BaseURL)
	}
	a := &App{cfg: cfg, domain: base.Hostname(), values: map[string]string{}, images: map[string]int64{}}
	a.Storage.Open, a.logs.Log = a.folderOf, cfg.Log
	return a, nil
}

func valid(cfg *Config) error {
	if _, err := run.ParseID(string(cfg.Labels.Run)); err != nil {
		return err
	}
	if !instanceName.MatchString(cfg.Labels.Instance) {
		return fmt.Errorf("the instance's name %q must consist of letters, digits, - and _", cfg.Labels.Instance)
	}
	if !stackName.MatchString(cfg.Label) {
		return fmt.Errorf("the subdomain %q is not fit for a stack's name", cfg.Label)
	}
	if cfg.Engine == nil || cfg.Scratch == "" {
		return errors.New("an engine and a folder for temporary files are needed")
	}
	cfg.Enrolment = recipes.Defaults(cfg.Enrolment)
	if cfg.Stacks == nil {
		cfg.Stacks = Program{Host: cfg.Engine.Host, Auth: cfg.Engine.auth.file}
	}
	if cfg.Log == nil {
		cfg.Log = func(string, string) {}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return nil
}

// state is what is deployed, and whether it is stopped.
func (a *App) state() (d *deployed, stopped bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.current, a.stopped != nil
}

// say tells the run's log what the deployer did.
func (a *App) say(format string, args ...any) { a.logs.Say("docker", fmt.Sprintf(format, args...)) }
