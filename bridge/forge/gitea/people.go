package gitea

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// Self is whom our token belongs to.
func (f *Forge) Self(ctx context.Context) (forge.Person, error) {
	client, err := f.client(ctx, "self")
	if err != nil {
		return forge.Person{}, err
	}
	me, _, err := client.GetMyUserInfo()
	if err != nil {
		return forge.Person{}, adapter.Failed(err, "find out whom the token belongs to")
	}
	if me.ID == 0 || me.UserName == "" {
		return forge.Person{}, errors.New("cannot find out whom the token belongs to: the answer names nobody")
	}
	return f.person(me), nil
}

// errOutside: the forge tells memberships only to members.
var errOutside = errors.New("only members may see who is a member, and our own account is not one: add it to the organisation")

// Member says whether somebody belongs to an organisation, publicly or not. Where the
// forge does not tell, that is an error, never no. Who was renamed is asked about by the
// new login.
func (f *Forge) Member(ctx context.Context, org string, p forge.Person) (bool, error) {
	is, err := f.member(ctx, org, p)
	if wasRenamed(err, p) {
		if p.Login, err = f.loginOf(ctx, p); err == nil {
			is, err = f.member(ctx, org, p)
		}
	}
	return is, err
}

func (f *Forge) member(ctx context.Context, org string, p forge.Person) (bool, error) {
	client, err := f.client(ctx, "member")
	if err != nil {
		return false, err
	}
	if p.Login == "" {
		return false, nil // a deleted account
	}
	is, _, err := client.CheckOrgMembership(org, p.Login)
	err = adapter.Plain(err)
	var answer *adapter.Error
	switch {
	case errors.Is(err, forge.ErrNotFound):
		return false, nil
	case errors.As(err, &answer) && answer.Status == http.StatusSeeOther:
		return false, fmt.Errorf("cannot ask whether %s is a member of %s: %w", p.Login, org, errOutside)
	case err != nil:
		return false, adapter.Failed(err, "ask whether %s is a member of %s", p.Login, org)
	}
	return is, nil
}

// CheckAccess says what is missing for our work: a token that the forge accepts, and
// membership of the organisation. Its text says what to do, and it is an AccessError;
// any other error means that the forge could not be asked.
func (f *Forge) CheckAccess(ctx context.Context, org string) error {
	me, err := f.Self(ctx)
	var answer *adapter.Error
	switch {
	case errors.Is(err, forge.ErrUnauthorized):
		return adapter.CannotWork("with %s: %w. Make a token in the settings of the bot's account, under Applications, and give it to us", f.url, err)
	case errors.Is(err, forge.ErrForbidden):
		return adapter.CannotWork("with %s: %w. The token needs the scopes read:user, read:organization, write:issue and write:repository", f.url, err)
	case errors.As(err, &answer) && answer.Status == http.StatusNotFound:
		return adapter.CannotWork("with %s: %w. Is this the address of a Gitea? Its API is expected at %s/api/v1", f.url, err, f.url)
	case err != nil:
		return err
	}
	client, err := f.client(ctx, "member")
	if err != nil {
		return err
	}
	if _, _, err = client.GetOrg(org); err != nil {
		if errors.Is(adapter.Plain(err), forge.ErrNotFound) {
			return adapter.CannotWork("for the organisation %s: %s has none of this name, or it hides it from %s", org, f.url, me.Login)
		}
		return adapter.Failed(err, "look up the organisation %s", org)
	}
	is, err := f.Member(ctx, org, me)
	if errors.Is(err, errOutside) {
		return &adapter.AccessError{Err: err}
	}
	if err != nil {
		return err
	}
	if !is {
		return adapter.CannotWork("for the organisation %s: our account %s is not a member of it. Add it to a team that may write to the repositories under test", org, me.Login)
	}
	return nil
}
