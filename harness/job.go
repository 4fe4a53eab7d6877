package harness

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/gateway"
	"seatrial/harness/run"
	"seatrial/harness/stage"
	"seatrial/harness/vault"
	"seatrial/recipes"
)

// Job is one attempt at a run, and everything that it needs.
type Job struct {
	Request   run.Request
	Attempt   int
	Labels    run.Labels        // put on every object before it is made
	Enrolment recipes.Enrolment // with its defaults filled in

	// Work is a folder of this attempt alone. The recipe is checked out in it; what
	// is made in it is removed again, the folder itself stays.
	Work string
	// Sink takes each event. The run stops when it fails: what cannot be told did not happen.
	Sink func(run.Event) error
	// Log takes lines for people: what the app writes and what the harness does.
	Log io.Writer
	// Secrets are masked in the log and in every event.
	Secrets []string

	// Deps are deployed before the app, in this order. NoDeps says why they cannot be had;
	// then nothing is deployed.
	Deps   []Dep
	NoDeps string
	// Latest writes what was published last of a dependency into a folder; its default
	// branch where nothing was. Needed where there are Deps.
	Latest func(ctx context.Context, d Dep, into string) (app.Release, error)

	Source Source
	NewApp func(context.Context, AppConfig) (app.App, error)
	// Gateway opens the run's own gateway; nil means one on loopback, on a free port.
	Gateway func(host string, dial Dial) (Front, error)
	Vault   vault.Vault
	Tools   func(Bench) stage.Tools // what the stages use to look at the app

	// Where is what is known beforehand of the place: job, allocation and node of a
	// cluster. It goes into the started event.
	Where run.Started
	// Domain is what the app's subdomain is put before; empty means localhost.
	Domain string
	// BaseURL is the app's public address where something stands in front of the
	// run's own gateway; empty means the gateway itself.
	BaseURL string
	// Keep leaves the app up after the stages until the context ends.
	Keep bool

	Now    func() time.Time
	Logger *slog.Logger
}

// Source brings a recipe's code here.
type Source interface {
	// Fetch checks out the code, and the published release to upgrade from, below the
	// folder. from names that release by its tag; empty means the latest one that the
	// code descends from. The error's text says what to do.
	Fetch(ctx context.Context, code run.Code, from, into string) (Fetched, error)
}

// Fetched is what a Source brought.
type Fetched struct {
	Head     app.Release
	Previous *app.Release // nil: nothing that the head descends from was published
	Subject  string       // the first line of the commit's message. Untrusted
	Versions []string     // every tag that the enrolment takes for a release, a version or not
	Others   []string     // the tags that it leaves out

	NoPrevious string // why there is no Previous where there are tags: which were passed over
	Unknown    bool   // there may be a Previous all the same: NoPrevious says why it was not seen, and what to do
}

// AppConfig is what a deployer must know about one run.
type AppConfig struct {
	Labels    run.Labels
	Label     string // the subdomain
	BaseURL   string
	Enrolment recipes.Enrolment
	Trusted   bool
	// Log takes each line that the app, its build and its hooks write.
	Log func(source, line string)
	// Siblings are the other apps of the run, where it has any: they must reach each other.
	Siblings []Sibling
}

// Bench is what there is to look at.
type Bench struct {
	Request   run.Request
	Enrolment recipes.Enrolment
	Fetched   Fetched
	App       app.App
	BaseURL   string
	Client    *http.Client
}

// Dial reaches the app.
type Dial func(context.Context) (net.Conn, error)

// Front is a run's own gateway, or what does its work.
type Front interface {
	Addr() string         // host:port
	Scheme() string       // what is spoken there: http or https
	Client() *http.Client // reaches the app through the gateway, whatever resolvers say
	Close() error
}

func (j *Job) check() error {
	switch {
	case j.Request.ID == "":
		return fmt.Errorf("cannot run: the request has no ID")
	case j.Work == "" || j.Sink == nil || j.Source == nil || j.NewApp == nil || j.Vault == nil || j.Tools == nil:
		return fmt.Errorf("cannot run %s: the job is incomplete", j.Request.ID)
	}
	if len(j.Deps) > 0 && j.Latest == nil {
		return fmt.Errorf("cannot run %s: nothing brings its dependencies", j.Request.ID)
	}
	if j.Now == nil {
		j.Now = time.Now
	}
	if j.Log == nil {
		j.Log = io.Discard
	}
	j.Logger = cmp.Or(j.Logger, slog.New(slog.DiscardHandler))
	if j.Gateway == nil {
		j.Gateway = func(host string, dial Dial) (Front, error) {
			return gateway.Listen(gateway.FreeLoopback, host, gateway.Dial(dial), j.Logger)
		}
	}
	j.Domain = cmp.Or(j.Domain, "localhost")
	if j.Request.Limit <= 0 {
		j.Request.Limit = run.DefaultLimit
	}
	if j.Request.Silence <= 0 {
		j.Request.Silence = run.DefaultSilence
	}
	return nil
}
