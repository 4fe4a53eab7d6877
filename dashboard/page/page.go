// Package page shows the journal to people: the index, a recipe, a run, its log and
// its files.
//
// It writes nothing. Every page works without scripts; scripts only look again when
// something happened. Whatever a stranger wrote (names, notes, logs, commits) is
// escaped, and what cannot be seen in it is made visible. Nothing is loaded from
// elsewhere, and a page may run no script but ours.
package page

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"

	"seatrial/dashboard/badge"
	"seatrial/harness/cluster"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// Journal is what pages are made from.
type Journal interface {
	Report(ctx context.Context, id run.ID) (run.Report, error)
	Reports(ctx context.Context, filter journal.Filter) ([]run.Report, error)
	// LatestRuns returns the latest run of each recipe.
	LatestRuns(ctx context.Context) ([]run.Report, error)
}

// Badges says what a recipe's plain badge says.
type Badges interface {
	Badge(ctx context.Context, recipe string, pull int) badge.Badge
}

// Enrolments are the recipes that may be tested, and what is wrong with those that
// could not be read.
type Enrolments struct {
	Recipes  []recipes.Enrolment
	Problems []string // each for the operator, with file and line; may have several lines
}

func (e Enrolments) ByName(recipe string) (recipes.Enrolment, bool) {
	return (&recipes.Book{Enrolments: e.Recipes}).ByName(recipe)
}

// UnenrolledRepo is a repository whose signed webhooks come although it is not enrolled.
type UnenrolledRepo struct {
	Forge string // the forge's id
	Repo  string // owner/name
	Last  time.Time
}

// Config is what pages are made from. Journal, Badges and Now are needed; what else
// is missing is left out of the pages.
type Config struct {
	Journal    Journal
	Badges     Badges
	Queue      func() run.Queue
	Enrolments func() Enrolments
	Unenrolled func(ctx context.Context) []UnenrolledRepo // the latest first
	// OpenLog opens the log of an attempt. fs.ErrNotExist: there is none (yet).
	OpenLog func(id run.ID, attempt int) (io.ReadSeekCloser, error)
	// OpenFiles opens the folder of an attempt's artifacts, which the caller closes.
	OpenFiles func(id run.ID, attempt int) (*os.Root, error)
	Cluster   func(ctx context.Context) cluster.Snapshot // nil: there is none
	Nomad     Nomad                                      // the cluster's own pages
	JobLogs   bool                                       // the output of attempts on the cluster can be followed
	PublicURL string                                     // without a slash at the end
	Word      string                                     // the command: !testme
	Now       func() time.Time
	Log       *slog.Logger
	Version   string
}

// Pages are the dashboard's pages.
type Pages struct {
	Config
	assets    *assets
	templates map[string]*parsed
}

// New prepares the pages.
func New(c Config) *Pages {
	if c.Queue == nil {
		c.Queue = func() run.Queue { return run.Queue{} }
	}
	if c.Enrolments == nil {
		c.Enrolments = func() Enrolments { return Enrolments{} }
	}
	if c.Unenrolled == nil {
		c.Unenrolled = func(context.Context) []UnenrolledRepo { return nil }
	}
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	c.Word = cmp.Or(c.Word, "!testme")
	p := &Pages{Config: c, assets: loadAssets()}
	p.templates = parseTemplates(p.assets)
	return p
}

// Register puts the pages' routes into mux.
func (p *Pages) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", p.index)
	mux.HandleFunc("GET /recipes/{recipe}", p.recipe)
	mux.HandleFunc("GET /runs/{id}", p.run)
	mux.HandleFunc("GET /runs/{id}/log", p.log)
	mux.HandleFunc("GET /runs/{id}/log.txt", p.rawLog)
	mux.HandleFunc("GET /runs/{id}/files/{path...}", p.files)
	mux.HandleFunc("GET /assets/{name}", p.assets.serve)
	mux.HandleFunc("GET /favicon.ico", p.assets.icon)
	mux.HandleFunc("GET /robots.txt", robots)
	mux.HandleFunc("/", p.nowhere(mux))
}

// robots keeps crawlers away from what changes all the time and weighs much.
func robots(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "User-agent: *\nDisallow: /runs/\nDisallow: /api/\nDisallow: /build\n")
}
