// Package gitea speaks to a Gitea (or Forgejo) server.
//
// It turns the server's API into the words of package forge, and its failures into
// errors that callers can decide by. It keeps nothing but counters, the clock
// difference and the last look at each default branch, starts nothing by itself, and does not ask the server anything until
// it is asked: a server that is down at start is no error. Only questions are
// repeated when they fail, never changes. The token is sent in a header and appears
// in no address, error or log line.
package gitea

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	sdk "code.gitea.io/sdk/gitea"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// Config says which server, and as whom.
type Config struct {
	ID  string // the forge's id in our configuration
	URL string // of the server, such as https://git.example.org
	// Token returns the API token to use now: it may change while we run.
	Token func() string

	// Scratch is a folder for repositories that are thrown away at once; empty means
	// the system's. New empties it of what a process that was killed left there: no
	// other process may use it.
	Scratch string

	// HTTPClient's transport carries the requests; nil means the default one.
	HTTPClient *http.Client
	Log        *slog.Logger
	Now        func() time.Time

	// Timeout bounds each single request; 0 means DefaultTimeout.
	Timeout time.Duration
	// RetryPause is the wait before the first repetition of a question; 0 means DefaultRetryPause.
	RetryPause time.Duration
}

// Limits of one request.
const (
	// DefaultTimeout leaves a busy Gitea time for a long list, and is shorter than a polling interval.
	DefaultTimeout = 20 * time.Second
	// DefaultRetryPause grows to a few seconds over the tries.
	DefaultRetryPause = 300 * time.Millisecond
)

// Forge is one server. Its methods may be called from many goroutines.
type Forge struct {
	id      string
	url     string
	scratch string
	http    *http.Client
	wire    *wire
	log     *slog.Logger

	mu    sync.Mutex
	tips  map[forge.Repo]branchTip
	teams map[string]knownTeam // by organisation/team, in lower case
}

// New checks the configuration. It asks the server nothing.
func New(c Config) (*Forge, error) {
	base, err := url.Parse(c.URL)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("cannot use %q as a forge: write its address as https://host", c.URL)
	}
	if base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("cannot use the address of forge %s: write it without a user, a question mark and a #; the token has its own setting", c.ID)
	}
	if c.Token == nil {
		return nil, fmt.Errorf("cannot use forge %s: it has no token", c.ID)
	}
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Timeout = cmp.Or(max(c.Timeout, 0), DefaultTimeout)
	c.RetryPause = cmp.Or(max(c.RetryPause, 0), DefaultRetryPause)
	if c.Scratch != "" {
		err := os.RemoveAll(c.Scratch)
		if err == nil {
			err = os.MkdirAll(c.Scratch, 0o700)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot use forge %s: cannot empty the folder for passing files: %w", c.ID, err)
		}
	}
	w := newWire(c)
	return &Forge{
		id:      c.ID,
		url:     strings.TrimRight(c.URL, "/"),
		scratch: c.Scratch,
		wire:    w,
		log:     c.Log,
		tips:    map[forge.Repo]branchTip{},
		teams:   map[string]knownTeam{},
		http: &http.Client{
			Transport: w,
			// A redirect is an answer: it means "you are not a member" or "this was moved".
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// client makes a client for one operation: the library keeps its context in it.
// The kind is what the operation's requests are counted as.
func (f *Forge) client(ctx context.Context, kind string) (*sdk.Client, error) {
	return sdk.NewClient(f.url,
		sdk.SetGiteaVersion(""), // ask the server no version: Forgejo's differ, and it may be down
		sdk.SetContext(adapter.WithKind(ctx, kind)),
		sdk.SetHTTPClient(f.http),
		sdk.SetUserAgent("seatrial"))
}

// Requests counts the requests that were sent, repetitions too, by kind.
func (f *Forge) Requests() map[string]int64 { return f.wire.Counts() }

// Skew is how far the server's clock is ahead of ours, as of its last answer.
func (f *Forge) Skew() time.Duration { return f.wire.Skew() }

func (f *Forge) person(u *sdk.User) forge.Person {
	if u == nil {
		return forge.Person{}
	}
	return forge.Person{ID: u.ID, Login: u.UserName}
}
