package process

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/app/loaded"
	"seatrial/harness/run"
	"seatrial/internal/lazyregexp"
	"seatrial/recipes"
)

// Config says what to deploy, where, and for whom.
type Config struct {
	Labels    run.Labels
	Label     string            // the subdomain
	BaseURL   string            // the app's address as the app itself should know it
	Enrolment recipes.Enrolment // with its defaults filled in
	WorkRoot  string            // the folder in which this deployer makes one folder a run

	Isolate bool
	UID     int      // isolated: the user and group that everything of the recipe runs as
	Share   []string // isolated: folders of this machine that the recipe may read

	BuildEnv []string // KEY=VALUE, added to the environment of builds

	// Cache is a folder for the caches of builds, their $XDG_CACHE_HOME: what one
	// deployment compiled, the next one need not. No service sees it. It is the
	// caller's, who gives each run another one, because code under test writes to it;
	// Destroy leaves it, and RemoveCache removes it. Empty: caches go with the
	// build's home.
	Cache string

	// Log receives each line that the app prints; source is "build", "release",
	// "hook" or the service's name. It is called by one goroutine at a time.
	Log func(source, line string)

	// Proxy says which proxy of the operator's a build's requests go through.
	// Default: what this process's environment says.
	Proxy func(*http.Request) (*url.URL, error)

	Now func() time.Time
}

var (
	instanceName = lazyregexp.New(`^[A-Za-z0-9_-]{1,64}$`)
	volumeName   = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)
)

// App is one deployed instance. It implements app.App.
type App struct {
	cfg  Config
	dir  string // everything of this app on disk
	logs sync.Mutex

	// life is held by whatever changes the instance as a whole.
	life sync.Mutex

	mu      sync.Mutex // guards what follows
	up      *instance
	tools   *supervisor
	idle    *worker // in the toolbox, between two tools
	groups  map[string]*group
	current *deployed
	history []*deployed
	number  int
	before  []loaded.Volume // the volumes, as the newest release found them; none for the first
	watch   *loaded.Watch   // of them, until somebody asks what runs
	stopped bool            // Stop was called since the last start
	used    app.Usage
	hits    app.Hits
}

var _ app.App = (*App)(nil)

// New prepares a deployer for one run's app. It makes nothing yet.
func New(cfg Config) (*App, error) {
	if err := check(&cfg); err != nil {
		return nil, fmt.Errorf("cannot prepare the app: %w", err)
	}
	if cfg.Isolate {
		if err := CheckIsolation(); err != nil {
			return nil, err
		}
	}
	return &App{cfg: cfg, dir: filepath.Join(cfg.WorkRoot, folderName(cfg.Labels)), groups: map[string]*group{}}, nil
}

func check(cfg *Config) error {
	if _, err := run.ParseID(string(cfg.Labels.Run)); err != nil {
		return err
	}
	if !instanceName.MatchString(cfg.Labels.Instance) {
		return fmt.Errorf("the instance's name %q must consist of letters, digits, - and _", cfg.Labels.Instance)
	}
	if cfg.WorkRoot == "" {
		return errors.New("no folder to work in was given")
	}
	root, err := filepath.Abs(cfg.WorkRoot)
	if err != nil {
		return err
	}
	cfg.WorkRoot = root
	if cfg.Isolate && cfg.UID <= 0 {
		return errors.New("isolated code needs a user id of its own, above 0")
	}
	if len(cfg.Enrolment.Volumes) == 0 {
		cfg.Enrolment.Volumes = []string{"data"}
	}
	for _, name := range cfg.Enrolment.Volumes {
		if !volumeName.MatchString(name) {
			return fmt.Errorf("the volume's name %q must consist of letters, digits, - and _", name)
		}
	}
	for _, share := range cfg.Share {
		if !filepath.IsAbs(share) {
			return fmt.Errorf("the shared folder %q must be an absolute path", share)
		}
	}
	if cfg.Cache != "" {
		if cfg.Cache, err = filepath.Abs(cfg.Cache); err != nil {
			return err
		}
	}
	for _, entry := range cfg.BuildEnv {
		if !strings.Contains(entry, "=") {
			return fmt.Errorf("the build's variable %q must be written KEY=VALUE", entry)
		}
	}
	if cfg.Log == nil {
		cfg.Log = func(string, string) {}
	}
	if cfg.Proxy == nil {
		cfg.Proxy = http.ProxyFromEnvironment
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return nil
}

func (a *App) log(source, line string) {
	a.logs.Lock()
	defer a.logs.Unlock()
	a.cfg.Log(source, line)
}

// Limits that an enrolment without defaults leaves open.
const (
	defaultStop  = 10 * time.Second
	defaultHook  = 5 * time.Minute
	defaultBuild = 10 * time.Minute
)

func orDefault(d recipes.Duration, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return time.Duration(d)
}
