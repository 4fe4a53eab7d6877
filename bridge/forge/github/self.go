package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	sdk "github.com/google/go-github/v60/github"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// person is somebody, by the number that stays. All bots of our Apps are one person.
func (f *Forge) person(u *sdk.User) forge.Person {
	if u == nil {
		return forge.Person{}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bots[u.GetID()] {
		return f.me
	}
	return forge.Person{ID: u.GetID(), Login: u.GetLogin()}
}

// Self is whom our token belongs to, or the bot of our first App.
func (f *Forge) Self(ctx context.Context) (forge.Person, error) {
	if f.apps != nil {
		if err := f.knowBots(ctx); err != nil {
			return forge.Person{}, err
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.me, nil
	}
	var me sdk.User
	if _, err := f.ask(aboutOrg(ctx, "self", ""), http.MethodGet, "user", nil, &me); err != nil {
		return forge.Person{}, adapter.Failed(err, "find out whom the token belongs to")
	}
	if me.GetID() == 0 || me.GetLogin() == "" {
		return forge.Person{}, errors.New("cannot find out whom the token belongs to: the answer names nobody")
	}
	return forge.Person{ID: me.GetID(), Login: me.GetLogin()}, nil
}

// knowBots finds out, once, who our Apps are. With a token there is nothing to find out.
func (f *Forge) knowBots(ctx context.Context) error {
	f.mu.Lock()
	known := f.apps == nil || f.bots != nil
	f.mu.Unlock()
	if known {
		return nil
	}
	var me forge.Person
	bots := map[int64]bool{}
	for i, a := range f.apps.list {
		bot, err := f.botOf(ctx, a)
		if err != nil {
			return adapter.Failed(err, "find out who App %d is", a.ID)
		}
		if bots[bot.ID] = true; i == 0 {
			me = bot
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.me, f.bots = me, bots
	return nil
}

// botOf is the account in whose name an App writes. The App itself may not look up
// accounts, so one of its installations does.
func (f *Forge) botOf(ctx context.Context, a *ownApp) (forge.Person, error) {
	var app sdk.App
	if _, err := f.ask(a.in(ctx), http.MethodGet, "app", nil, &app); err != nil {
		return forge.Person{}, err
	}
	if app.GetSlug() == "" {
		return forge.Person{}, errors.New("the answer names no App")
	}
	id := a.InstallationID
	if id == 0 {
		var list []*sdk.Installation
		if _, err := f.ask(a.in(ctx), http.MethodGet, "app/installations?per_page=1", nil, &list); err != nil {
			return forge.Person{}, err
		}
		if len(list) == 0 || list[0].GetID() == 0 {
			return forge.Person{}, fmt.Errorf("%w: App %s is installed nowhere; open %s/apps/%s and install it for your organisation", errNotInstalled, app.GetSlug(), f.url, app.GetSlug())
		}
		id = list[0].GetID()
	}
	by := aim{account: f.apps.account(a, id)}
	var bot sdk.User
	if _, err := f.ask(by.in(adapter.WithKind(ctx, "self")), http.MethodGet, "users/"+segment(app.GetSlug()+"[bot]"), nil, &bot); err != nil {
		return forge.Person{}, err
	}
	if bot.GetID() == 0 || bot.GetLogin() == "" {
		return forge.Person{}, errors.New("the answer names nobody")
	}
	return forge.Person{ID: bot.GetID(), Login: bot.GetLogin()}, nil
}
