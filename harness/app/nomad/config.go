package nomad

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/app"
	"seatrial/harness/app/inside"
	"seatrial/harness/app/loaded"
	"seatrial/harness/cluster"
	"seatrial/harness/run"
	"seatrial/internal/lazyregexp"
	"seatrial/recipes"
)

// Config says what to deploy, where, and for whom.
type Config struct {
	// Client needs these capabilities in the apps' namespace: submit-job, read-job,
	// list-jobs, parse-job, read-logs, read-fs, alloc-exec, alloc-lifecycle,
	// host-volume-create, host-volume-read, host-volume-delete; alloc-node-exec for tasks
	// of raw_exec; and besides, node read and the host volumes seatrial* for writing.
	Client     *cluster.Client
	Namespaces cluster.Namespaces
	NodeID     string // where we run, and the app beside us

	Labels    run.Labels
	Label     string            // the subdomain, which is the job's ID
	BaseURL   string            // the app's address as the app itself should know it
	Enrolment recipes.Enrolment // with its defaults filled in
	Trusted   bool              // the job file may have what touches the node: see the policy

	// Log receives each line that the app prints; source is the task's name. It is
	// called by one goroutine at a time.
	Log func(source, line string)
	Now func() time.Time
}

var (
	instanceName = lazyregexp.New(`^[A-Za-z0-9_-]{1,64}$`)
	volumeName   = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)
)

// releaseVolume is the name under which a job file asks for the release's files.
const releaseVolume = "release"

// App is one deployed instance. It implements app.App.
type App struct {
	inside.Storage

	cfg  Config
	logs app.Followers

	// life is held by whatever changes the instance as a whole.
	life sync.Mutex

	mu      sync.Mutex // guards what follows
	current *deployed
	history []*deployed
	up      *instance    // nil while stopped
	frozen  func() error // thaws
	hits    app.Hits
}

var _ app.App = (*App)(nil)

// deployed is a release, and the job that it became.
type deployed struct {
	release app.Release
	file    string // the job file's name
	job     *api.Job
	main    spot
	mounts  map[string]string          // volume → where the app sees it
	seen    map[spot]map[string]string // task → the same for it
	dirs    map[string]string          // volume → where it lies on this node
	before  map[string]loaded.Manifest // volume → what was in it when it was upgraded to this; none for the first
	files   string                     // the folder of the release's files on this node; empty if the job file asks for none
}

// New prepares a deployer for one run's app. It makes nothing yet.
func New(cfg Config) (*App, error) {
	if err := valid(&cfg); err != nil {
		return nil, fmt.Errorf("cannot prepare the app: %w", err)
	}
	a := &App{cfg: cfg}
	a.Storage.Open, a.logs.Log = a.openVolume, cfg.Log
	return a, nil
}

func valid(cfg *Config) error {
	if _, err := run.ParseID(string(cfg.Labels.Run)); err != nil {
		return err
	}
	if !instanceName.MatchString(cfg.Labels.Instance) {
		return fmt.Errorf("the instance's name %q must consist of letters, digits, - and _", cfg.Labels.Instance)
	}
	if cfg.Client == nil || cfg.NodeID == "" || cfg.Namespaces.Apps == "" {
		return errors.New("a client, a node and the apps' namespace are needed")
	}
	if !cluster.IsJobID(cfg.Label) {
		return fmt.Errorf("the subdomain %q is not fit for a job's name", cfg.Label)
	}
	if _, err := url.Parse(cfg.BaseURL); err != nil {
		return fmt.Errorf("the app's address is none: %w", err)
	}
	cfg.Enrolment = recipes.Defaults(cfg.Enrolment)
	for _, name := range cfg.Enrolment.Volumes {
		if !volumeName.MatchString(name) || name == releaseVolume {
			return fmt.Errorf("the volume's name %q must consist of letters, digits, - and _, and not be %q, which are the release's files", name, releaseVolume)
		}
	}
	if cfg.Log == nil {
		cfg.Log = func(string, string) {}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return nil
}

func (a *App) query(ctx context.Context) *api.QueryOptions {
	return a.cfg.Client.Query(ctx, a.cfg.Namespaces.Apps)
}
func (a *App) write(ctx context.Context) *api.WriteOptions {
	return a.cfg.Client.Write(ctx, a.cfg.Namespaces.Apps)
}

// state is what is deployed, and the instance that runs of it, if one does.
func (a *App) state() (*deployed, *instance) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.current, a.up
}

func (a *App) isVolume(name string) bool { return slices.Contains(a.cfg.Enrolment.Volumes, name) }
