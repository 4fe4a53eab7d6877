package github

import (
	"context"
	"errors"
	"net/http"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// CheckAccess says what is missing for our work: credentials that the forge accepts, and
// membership of the organisation, or an App that is installed there. Its text says what
// to do, and it is an AccessError; any other error means that the forge could not be asked.
func (f *Forge) CheckAccess(ctx context.Context, org string) error {
	me, err := f.Self(ctx)
	answer, answered := errors.AsType[*adapter.Error](err)
	switch {
	case errors.Is(err, errNotInstalled):
		return &adapter.AccessError{Err: err}
	case errors.Is(err, forge.ErrUnauthorized) && f.apps != nil:
		return adapter.CannotWork("with %s: %w. Is the App's number right, and is its private key one that its settings still list?", f.url, err)
	case errors.Is(err, forge.ErrUnauthorized):
		return adapter.CannotWork("with %s: %w. Make a token in the settings of the bot's account, under Developer settings, and give it to us", f.url, err)
	case answered && answer.Status == http.StatusNotFound:
		return adapter.CannotWork("with %s: %w. Is this the address of a GitHub? Its API is expected at %s", f.url, err, f.api.BaseURL)
	case err != nil:
		return err
	}
	if _, err = f.ask(aboutOrg(ctx, "member", org), http.MethodGet, "orgs/"+segment(org), nil, nil); err != nil {
		switch err = adapter.Plain(err); {
		case errors.Is(err, errNotInstalled):
			return &adapter.AccessError{Err: err}
		case errors.Is(err, forge.ErrNotFound):
			return adapter.CannotWork("for the organisation %s: %s has none of this name, or it hides it from %s", org, f.url, me.Login)
		}
		return adapter.Failed(err, "look up the organisation %s", org)
	}
	is, err := f.Member(ctx, org, me)
	switch {
	case errors.Is(err, errOutside):
		return &adapter.AccessError{Err: err}
	case errors.Is(err, forge.ErrForbidden) && f.apps != nil:
		return adapter.CannotWork("for the organisation %s: %w. Give the App the organisation permission Members, read only, and accept it where it is installed", org, err)
	case err != nil:
		return err
	case !is && f.apps == nil:
		return adapter.CannotWork("for the organisation %s: our account %s is not a member of it. Add it to a team that may write to the repositories under test", org, me.Login)
	}
	return nil
}
