package harness

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"seatrial/harness/app"
	"seatrial/harness/failpoint"
	"seatrial/harness/run"
	"seatrial/harness/stage"
	"seatrial/recipes"
)

// Dep is another recipe, whose app is deployed before the one that is tested, stays up
// for the whole run, and is torn down after it.
type Dep struct {
	Name      string
	URL       string            // where its repository is
	Copy      string            // a folder with a copy of it, fetched from in its place; empty for none
	Enrolment recipes.Enrolment // with its defaults filled in
	Trusted   bool              // the operator trusts its code
}

// Sibling is another app of the same run. It may not be up yet.
type Sibling struct {
	Name    string // of its enrolment
	Label   string // its subdomain
	Host    string // its host name
	BaseURL string
}

// helper is the app of a dependency.
type helper struct {
	Dep
	Sibling
	front Front
	reach atomic.Pointer[app.App] // for its gateway, which is there before the app
	app   app.App
}

// helpers are the apps of the dependencies. The stages, which may outlive the run's
// patience, deploy them, and the teardown destroys them: once that has begun, none is made.
type helpers struct {
	all    []*helper // in the order of their deployment
	mu     sync.Mutex
	ending bool
}

// openDeps gives each dependency its name and its gateway, so that the app can be told
// of them before they are there.
func (a *attempt) openDeps() error {
	taken := []string{a.label()}
	for _, d := range a.Deps {
		h := &helper{Dep: d}
		h.Label = freeLabel(a.Request.ID, d.Name, taken)
		taken = append(taken, h.Label)
		var err error
		if h.Host, h.BaseURL, err = beside(a.BaseURL, h.Label, a.Domain); err != nil {
			return fmt.Errorf("cannot give the dependency %s an address: %w", d.Name, err)
		}
		h.front, err = a.Gateway(h.Host, func(ctx context.Context) (net.Conn, error) {
			if reached := h.reach.Load(); reached != nil {
				return (*reached).Dial(ctx)
			}
			return nil, app.ErrNotRunning
		})
		if err != nil {
			return fmt.Errorf("cannot open a gateway for the dependency %s: %w", d.Name, err)
		}
		h.Sibling.Name = d.Name
		a.helpers.all = append(a.helpers.all, h)
		if h.BaseURL == "" {
			if h.BaseURL, err = addressOf(h.front, h.Host); err != nil {
				return err
			}
		}
	}
	return nil
}

// freeLabel is the subdomain of a dependency: like an app's, and unlike the others of
// the run. Its end tells the runs apart.
func freeLabel(id run.ID, name string, taken []string) string {
	label := id.Label(name)
	prefix, end, _ := strings.Cut(label, "-")
	for n := 2; slices.Contains(taken, label); n++ {
		number := strconv.Itoa(n)
		label = prefix[:min(len(prefix), max(1, 4-len(number)))] + number + "-" + end
	}
	return label
}

// beside is the host name of a label and, where a public address of the app is given,
// that of the label.
func beside(public, label, domain string) (host, address string, err error) {
	if public == "" {
		return label + "." + domain, "", nil
	}
	u, err := url.Parse(public)
	if err != nil {
		return "", "", err
	}
	host = label + "." + domain
	if _, parent, ok := strings.Cut(u.Hostname(), "."); ok {
		host = label + "." + parent
	}
	if port := u.Port(); port != "" {
		u.Host = net.JoinHostPort(host, port)
	} else {
		u.Host = host
	}
	return host, u.String(), nil
}

// addressOf is the address of a host name at a front.
func addressOf(f Front, host string) (string, error) {
	_, port, err := net.SplitHostPort(f.Addr())
	if err != nil {
		return "", fmt.Errorf("cannot tell the gateway's port: %w", err)
	}
	return f.Scheme() + "://" + net.JoinHostPort(host, port), nil
}

// knowing is an enrolment with the addresses of what it depends on in its environment.
func (a *attempt) knowing(e recipes.Enrolment) recipes.Enrolment {
	e.Env = maps.Clone(e.Env)
	for _, h := range a.helpers.all {
		if slices.Contains(e.Deps, h.Dep.Name) {
			if e.Env == nil {
				e.Env = map[string]string{}
			}
			e.Env[recipes.DepVariable(h.Dep.Name, "HOST")] = h.Host
			e.Env[recipes.DepVariable(h.Dep.Name, "URL")] = h.BaseURL
		}
	}
	return e
}

// siblings are the other apps of the run, seen from the one with the label.
func (a *attempt) siblings(label string) []Sibling {
	if len(a.helpers.all) == 0 {
		return nil
	}
	main := Sibling{Name: a.Request.Recipe, Label: a.label(), Host: a.host, BaseURL: a.baseURL}
	var others []Sibling
	for _, h := range a.helpers.all {
		others = append(others, h.Sibling)
	}
	others = append(others, main)
	return slices.DeleteFunc(others, func(s Sibling) bool { return s.Label == label })
}

// deployDeps deploys the dependencies in their order. It says why one cannot be had, or
// nothing.
func (a *attempt) deployDeps(ctx context.Context, events stage.Events) string {
	if a.NoDeps != "" {
		return a.NoDeps
	}
	for _, h := range a.helpers.all {
		if err := a.deployDep(ctx, h, events); err != nil {
			return fmt.Sprintf("the dependency %s %v", h.Dep.Name, err)
		}
	}
	return ""
}

func (a *attempt) deployDep(ctx context.Context, h *helper, events stage.Events) error {
	if ctx.Err() != nil {
		return ctx.Err() // the teardown may have passed this by
	}
	told := named{events, h.Dep.Name}
	told.Emit(run.Event{Kind: run.KindProgress, Note: "fetching it"})
	dir := filepath.Join(a.depsFolder(), h.Label)
	err := os.MkdirAll(a.depsFolder(), 0o700)
	var release app.Release
	if err == nil {
		release, err = a.Latest(ctx, h.Dep, dir)
	}
	if err != nil {
		return fmt.Errorf("could not be fetched: %w", err)
	}
	if err := a.makeDep(ctx, h); err != nil {
		return fmt.Errorf("could not be deployed: %w", err)
	}
	tools := a.Tools(Bench{
		Request: a.Request, Enrolment: a.knowing(h.Enrolment), Fetched: Fetched{Head: release}, App: h.app, BaseURL: h.BaseURL, Client: h.front.Client(),
	})
	err = stage.Deploy(ctx, stage.Job{
		Run: a.Request.ID, Head: release, Enrolment: h.Enrolment, Trusted: h.Trusted, App: h.app, BaseURL: h.BaseURL,
		Client: h.front.Client(), Scratch: a.scratch(), Tools: stage.Tools{Policy: tools.Policy}, Events: told, Log: a.Logger,
	})
	if err != nil {
		if f, ok := errors.AsType[*run.Fault](err); ok && len(f.Evidence) > 0 {
			told.Emit(run.Event{Kind: run.KindWarning, Note: strings.Join(append([]string{f.Summary}, f.Evidence...), "\n")})
		}
		return fmt.Errorf("could not be brought up at %s: %w", release.Name, err)
	}
	failpoint.Hit("harness:dependency")
	told.Emit(run.Event{Kind: run.KindProgress, Note: "it is up at " + release.Name})
	return nil
}

// makeDep prepares a place for the app of a dependency, unless the run is being torn down.
func (a *attempt) makeDep(ctx context.Context, h *helper) error {
	a.helpers.mu.Lock()
	defer a.helpers.mu.Unlock()
	if a.helpers.ending {
		return errors.New("the run is being torn down")
	}
	made, err := a.NewApp(ctx, AppConfig{
		Labels: a.Labels, Label: h.Label, BaseURL: h.BaseURL, Enrolment: a.knowing(h.Enrolment), Trusted: h.Trusted,
		Log:      func(source, line string) { a.lines.add(h.Dep.Name+"/"+source, line) },
		Siblings: a.siblings(h.Label),
	})
	if err != nil {
		return err
	}
	h.app = made
	h.reach.Store(&h.app)
	return nil
}

// endDeps keeps further ones from being made, and returns those that are there, the last
// one first.
func (a *attempt) endDeps() []*helper {
	a.helpers.mu.Lock()
	defer a.helpers.mu.Unlock()
	a.helpers.ending = true
	there := slices.Clone(a.helpers.all)
	slices.Reverse(there)
	return there
}

func (a *attempt) depsFolder() string { return filepath.Join(a.Work, "deps") }

// named says of whom the events are.
type named struct {
	to   stage.Events
	name string
}

// Emit implements stage.Events.
func (n named) Emit(e run.Event) { n.to.Emit(n.note(e)) }

// Beat implements stage.Events.
func (n named) Beat(e run.Event) { n.to.Beat(n.note(e)) }

func (n named) note(e run.Event) run.Event {
	e.Note = "dependency " + n.name + ": " + e.Note
	return e
}
