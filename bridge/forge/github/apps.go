package github

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"

	sdk "github.com/google/go-github/v60/github"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// apps knows which App is at home where.
type apps struct {
	forge  *Forge
	config Config
	list   []*ownApp

	mu       sync.Mutex
	homes    map[string]*account // by owner/name or owner, in lower case
	installs map[int64]*account  // by installation
}

// ownApp is an App with the account of its own, which may only ask about itself.
type ownApp struct {
	App
	account *account
	signer  *appSigner
}

func newApps(c Config, f *Forge, base *url.URL) *apps {
	p := &apps{forge: f, config: c, homes: map[string]*account{}, installs: map[int64]*account{}}
	for _, a := range c.Apps {
		s := &appSigner{app: a.ID, key: a.Key, base: strings.TrimRight(base.String(), "/"), send: f.wire.send}
		p.list = append(p.list, &ownApp{App: a, signer: s, account: newAccount(fmt.Sprintf("App %d", a.ID), s, c)})
	}
	return p
}

// errNotInstalled: no App of ours is at home there.
var errNotInstalled = errors.New("no GitHub App of ours is installed there")

// home finds the installation by which to ask about a repository or an organisation.
func (p *apps) home(ctx context.Context, to aim) (*account, error) {
	key := to.key()
	p.mu.Lock()
	known := p.homes[key]
	p.mu.Unlock()
	if known != nil {
		return known, nil
	}
	for _, a := range p.list {
		id, err := p.installation(ctx, a, to)
		if errors.Is(err, forge.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return p.settle(key, a, id), nil
	}
	return nil, notInstalled(to)
}

func notInstalled(to aim) error {
	what := to.owner
	if to.repo != "" {
		what += "/" + to.repo
	}
	return fmt.Errorf("%w: install one for %s, and let it see the repository, in the App's settings under Install App: %w", errNotInstalled, what, forge.ErrForbidden)
}

// installation asks where an App is installed for something.
func (p *apps) installation(ctx context.Context, a *ownApp, to aim) (int64, error) {
	if a.InstallationID != 0 && len(p.list) == 1 {
		return a.InstallationID, nil
	}
	found, err := p.describe(ctx, a, to)
	if err != nil {
		return 0, err
	}
	return found.GetID(), nil
}

// describe is the installation of an App for something, with what it may do.
func (p *apps) describe(ctx context.Context, a *ownApp, to aim) (*sdk.Installation, error) {
	path := "orgs/" + segment(to.owner) + "/installation"
	if to.repo != "" {
		path = pathOf(forge.Repo{Owner: to.owner, Name: to.repo}) + "/installation"
	}
	var found sdk.Installation
	if _, err := p.forge.ask(a.in(ctx), "GET", path, nil, &found); err != nil {
		return nil, adapter.Failed(err, "ask where App %d is installed", a.ID)
	}
	if found.GetID() == 0 {
		return nil, fmt.Errorf("cannot ask where App %d is installed: the answer names no installation", a.ID)
	}
	return &found, nil
}

// in is a context for what an App asks in its own name.
func (a *ownApp) in(ctx context.Context) context.Context {
	return aim{account: a.account}.in(adapter.WithKind(ctx, "app"))
}

// settle remembers an App's installation as the home of something.
func (p *apps) settle(key string, a *ownApp, id int64) *account {
	found := p.account(a, id)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.homes[key] = found
	return found
}

// account is the account of an App's installation; there is one for each.
func (p *apps) account(a *ownApp, id int64) *account {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := p.installs[id]
	if found == nil {
		s := &installSigner{app: a.signer, installation: id}
		found = newAccount(fmt.Sprintf("installation %d of App %d", id, a.ID), s, p.config)
		p.installs[id] = found
	}
	return found
}

// leave forgets the home of something: it may have changed.
func (p *apps) leave(to aim) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.homes, to.key())
}

// all are the installations that were used.
func (p *apps) all() []*account {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Values(p.installs))
}

// appOf is the App to which an installation's account belongs; 0 with a token.
func (a *account) appOf() int64 {
	if s, ok := a.signer.(*installSigner); ok {
		return s.app.app
	}
	return 0
}

func (a aim) key() string { return strings.ToLower(a.owner + "/" + a.repo) }
