// Package nomad dispatches runs as children of parameterized jobs on a Nomad cluster.
//
// Each attempt is one child job, whose ID has run and attempt in it, and one
// allocation, which writes its events into its own directory. Cluster and allocation
// are the truth; what is kept here are caches, and, in the attempt's folder on this
// side, a copy of its files that grows while it runs and outlives the cluster's own
// garbage collection. So a bridge that was restarted finds its runs again, and follows
// them from where it was. It registers no jobs, places nothing itself, and puts nothing
// secret into a job.
package nomad

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/bridge/dispatch"
	"seatrial/harness/app"
	"seatrial/harness/cluster"
	"seatrial/harness/run"
	"seatrial/recipes"
)

const (
	// askWithin is for one question to the cluster: an election takes seconds.
	askWithin = 20 * time.Second
	// fetchWithin is for one file of an allocation, through server and node.
	fetchWithin = 2 * time.Minute
	// collectWithin is how long the files of an allocation that is over are asked for
	// where its node does not answer: a reboot.
	collectWithin = 5 * time.Minute
	// defaultPlaceWithin and defaultReconcile are those of Config.
	defaultPlaceWithin = 5 * time.Minute
	defaultReconcile   = 30 * time.Second
	// pollEvery is between two looks at an attempt while Run does not listen.
	pollEvery = time.Second
)

// Config is what a Dispatcher needs.
type Config struct {
	Client     *cluster.Client
	Namespaces cluster.Namespaces
	Instance   string // the installation's; labels get cluster.Instance of it
	Root       string // below it each attempt's files are mirrored: dispatch.Folder

	// Enrolment finds a recipe's settings as they are now.
	Enrolment func(name string) (recipes.Enrolment, bool)
	PublicURL string // the dashboard's
	Domain    string // of the apps

	// Places are searched by Sweep: apps under test, seen through the cluster.
	Places []app.Place

	PlaceWithin    time.Duration // how long a job may wait for a node; default 5 min
	ReconcileEvery time.Duration // default 30 s

	Now func() time.Time // default time.Now
	Log *slog.Logger
}

type Dispatcher struct {
	Config
	news   *news
	offers offers

	mu      sync.Mutex
	mirrors map[key]*mirror

	noting sync.Mutex // held while a note is changed
}

// key names an attempt.
type key struct {
	id      run.ID
	attempt int
}

func (k key) String() string { return fmt.Sprintf("%s/%d", k.id, k.attempt) }

// New returns a dispatcher over the root folder, which it makes if it is missing.
// Nothing is asked of the cluster yet.
func New(c Config) (*Dispatcher, error) {
	if err := os.MkdirAll(c.Root, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the folder of the runs: %w", err)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.PlaceWithin = cmp.Or(max(c.PlaceWithin, 0), defaultPlaceWithin)
	c.ReconcileEvery = cmp.Or(max(c.ReconcileEvery, 0), defaultReconcile)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return &Dispatcher{Config: c, news: newNews(), mirrors: map[key]*mirror{}}, nil
}

func (d *Dispatcher) folder(k key) string { return dispatch.Folder(d.Root, k.id, k.attempt) }

// query are the options of a question in the namespace of the runs.
func (d *Dispatcher) query(ctx context.Context) *api.QueryOptions {
	return d.Client.Query(ctx, d.Namespaces.Runs)
}

func (d *Dispatcher) write(ctx context.Context) *api.WriteOptions {
	return d.Client.Write(ctx, d.Namespaces.Runs)
}

var _ dispatch.Dispatcher = (*Dispatcher)(nil)
