// Package github speaks to GitHub, or to a GitHub Enterprise server.
//
// It turns the API into the words of package forge, and its failures into errors that
// callers can decide by. It works with a token, or with one or more Apps, of which each
// repository is asked for by the one that is installed there; to the rest of the program
// the Apps' bots are one person. It keeps counters, the clock difference, what is left of
// the limit, which App is at home where, and the last answers. It starts nothing by
// itself, and asks nothing until it is asked.
//
// GitHub counts what it is asked, so a question that was asked before says so, and where
// nothing changed the answer is free. There is no such question about an organisation as
// a whole: a feed of one asks its repositories one after the other. A share of the limit
// is kept for telling people how their runs are; polling does without until the hour is
// over. Writes are one after the other, a second apart. When GitHub asks us to wait we
// wait if that is short, and otherwise nothing is sent until then: the error is a
// forge.LimitedError. Only questions are repeated when they fail, never changes.
//
// Redirects are not followed: they mean "you may not see this" or "this was moved". A
// token is sent in a header to the API's own address and appears in no other address, in
// no error and in no log line.
package github

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	sdk "github.com/google/go-github/v60/github"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// Config says which server, and as whom: by a Token or by Apps.
type Config struct {
	ID  string // the forge's id in our configuration
	URL string // where people see it: https://github.com, or an Enterprise server's
	// APIURL is where its API is; empty means what belongs to URL.
	APIURL string

	// Token returns the token to use now: it may change while we run.
	Token func() string
	// Apps are used instead of a token.
	Apps []App

	// HTTPClient's transport carries the requests; nil means the default one.
	HTTPClient *http.Client
	Log        *slog.Logger
	Now        func() time.Time

	// Timeout bounds each single request; 0 means DefaultTimeout.
	Timeout time.Duration
	// RetryPause is the wait before the first repetition of a question; 0 means DefaultRetryPause.
	RetryPause time.Duration
	// WritePause is the least time between two writes; 0 means DefaultWritePause.
	WritePause time.Duration
}

// App is a GitHub App of ours.
type App struct {
	ID int64
	// Key returns its private key as PEM. It is asked again, so that the key can be changed.
	Key func() []byte
	// InstallationID saves the question where the App is installed, if there is one App
	// with one installation. 0 means that GitHub is asked.
	InstallationID int64
}

// Limits of one request.
const (
	// DefaultTimeout leaves GitHub time for a long list, and is shorter than a polling interval.
	DefaultTimeout = 20 * time.Second
	// DefaultRetryPause grows to a few seconds over the tries.
	DefaultRetryPause = 300 * time.Millisecond
	// DefaultWritePause is what GitHub asks for.
	DefaultWritePause = time.Second
)

// Forge is one server. Its methods may be called from many goroutines.
type Forge struct {
	id   string
	url  string
	log  *slog.Logger
	now  func() time.Time
	api  *sdk.Client
	wire *wire
	apps *apps // nil with a token

	mu   sync.Mutex
	me   forge.Person
	bots map[int64]bool // of all Apps
}

// New checks the configuration. It asks the server nothing.
func New(c Config) (*Forge, error) {
	base, err := apiAddress(c)
	if err != nil {
		return nil, err
	}
	switch {
	case c.Token == nil && len(c.Apps) == 0:
		return nil, fmt.Errorf("cannot use forge %s: it has no token and no App", c.ID)
	case c.Token != nil && len(c.Apps) > 0:
		return nil, fmt.Errorf("cannot use forge %s: it has a token and an App; give it one of the two", c.ID)
	}
	for _, a := range c.Apps {
		if a.ID <= 0 || a.Key == nil {
			return nil, fmt.Errorf("cannot use forge %s: App %d needs its number and its private key", c.ID, a.ID)
		}
	}
	c.fill()
	f := &Forge{id: c.ID, url: strings.TrimRight(c.URL, "/"), log: c.Log, now: c.Now, wire: newWire(c)}
	f.api = sdk.NewClient(&http.Client{
		Transport:     f.wire,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})
	f.api.BaseURL, f.api.UserAgent = base, agent
	if len(c.Apps) > 0 {
		f.apps = newApps(c, f, base)
		f.wire.home = f.apps.home
		f.wire.leave = f.apps.leave
		f.wire.all = f.apps.all
		return f, nil
	}
	one := newAccount("the token", &tokenSigner{token: c.Token, send: f.wire.send}, c)
	f.wire.home = func(context.Context, aim) (*account, error) { return one, nil }
	f.wire.all = func() []*account { return []*account{one} }
	return f, nil
}

func (c *Config) fill() {
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Timeout = cmp.Or(max(c.Timeout, 0), DefaultTimeout)
	c.RetryPause = cmp.Or(max(c.RetryPause, 0), DefaultRetryPause)
	c.WritePause = cmp.Or(max(c.WritePause, 0), DefaultWritePause)
}

// apiAddress is where the API is, with a slash at the end.
func apiAddress(c Config) (*url.URL, error) {
	web, err := url.Parse(c.URL)
	if err != nil || web.Host == "" || (web.Scheme != "http" && web.Scheme != "https") {
		return nil, fmt.Errorf("cannot use %q as a forge: write its address as https://host", c.URL)
	}
	text := c.APIURL
	switch {
	case text != "":
	case strings.EqualFold(web.Host, "github.com") || strings.EqualFold(web.Host, "www.github.com"):
		text = "https://api.github.com"
	default:
		text = strings.TrimRight(c.URL, "/") + "/api/v3"
	}
	base, err := url.Parse(strings.TrimRight(text, "/") + "/")
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("cannot use %q as the API of forge %s: write its address as https://host/api/v3", c.APIURL, c.ID)
	}
	for _, u := range []*url.URL{web, base} {
		if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("cannot use the address of forge %s: write it without a user, a question mark and a #; the token has its own setting", c.ID)
		}
	}
	return base, nil
}

// Requests counts the requests that were sent, repetitions and free ones too, by kind.
func (f *Forge) Requests() map[string]int64 { return f.wire.Counts() }

// Skew is how far the server's clock is ahead of ours, as of its last answer.
func (f *Forge) Skew() time.Duration { return f.wire.Skew() }

// Budget is what GitHub lets us ask in this hour, as of its last answer. With several
// Apps or installations it is that of the one that has the smallest share left.
func (f *Forge) Budget() forge.Budget {
	var least forge.Budget
	for _, a := range f.wire.all() {
		b := a.gate.current(f.now())
		if b.Limit > 0 && (least.Limit == 0 || float64(b.Left)/float64(b.Limit) < float64(least.Left)/float64(least.Limit)) {
			least = b
		}
	}
	return least
}

// about is the context for requests of a kind about a repository.
func about(ctx context.Context, kind string, repo forge.Repo) context.Context {
	return aim{owner: repo.Owner, repo: repo.Name}.in(adapter.WithKind(ctx, kind))
}

// aboutOrg is the context for requests of a kind about an organisation.
func aboutOrg(ctx context.Context, kind, org string) context.Context {
	return aim{owner: org}.in(adapter.WithKind(ctx, kind))
}

// ask sends one request; body and into may be nil. The answer's header is there unless
// there is an error.
func (f *Forge) ask(ctx context.Context, method, path string, body, into any) (http.Header, error) {
	req, err := f.api.NewRequest(method, path, body)
	if err != nil {
		return nil, err
	}
	resp, err := f.api.Do(ctx, req, into)
	if err != nil {
		return nil, err
	}
	return resp.Header, nil
}

// pathOf is where a repository's part of the API begins.
func pathOf(repo forge.Repo) string {
	return "repos/" + segment(repo.Owner) + "/" + segment(repo.Name)
}

// segment makes any text one segment of a path, dots too.
func segment(s string) string {
	if s == "." || s == ".." {
		return strings.ReplaceAll(s, ".", "%2E")
	}
	return url.PathEscape(s)
}
