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

// errOutside: the forge tells memberships only to members.
var errOutside = errors.New("only members may see who is a member, and our own account is not one, or its token may not see members: add it to the organisation, and allow the token to read members")

// Member says whether somebody belongs to an organisation, publicly or not. Where the
// forge does not tell, that is an error, never no.
func (f *Forge) Member(ctx context.Context, org string, p forge.Person) (bool, error) {
	if p.Login == "" {
		return false, nil // a deleted account
	}
	_, err := f.ask(aboutOrg(ctx, "member", org), http.MethodGet, "orgs/"+segment(org)+"/members/"+segment(p.Login), nil, nil)
	answer, answered := errors.AsType[*adapter.Error](err)
	switch {
	case err == nil:
		return true, nil
	case answered && errors.Is(answer, forge.ErrNotFound):
		return false, nil
	case answered && answer.Status == http.StatusFound:
		return false, fmt.Errorf("cannot ask whether %s is a member of %s: %w", p.Login, org, errOutside)
	}
	return false, adapter.Failed(err, "ask whether %s is a member of %s", p.Login, org)
}

// TeamMember says whether somebody belongs to a team of an organisation, by the name in
// the team's address. An error means that it is not known, never no; it wraps
// forge.ErrNotFound where there is no such team, or none that our account may see.
func (f *Forge) TeamMember(ctx context.Context, org, team string, p forge.Person) (bool, error) {
	if p.Login == "" {
		return false, nil
	}
	ctx = aboutOrg(ctx, "team", org)
	path := "orgs/" + segment(org) + "/teams/" + segment(team)
	var member sdk.Membership
	_, err := f.ask(ctx, http.MethodGet, path+"/memberships/"+segment(p.Login), nil, &member)
	if err == nil {
		return member.GetState() == "active", nil // else invited
	}
	if answer, ok := errors.AsType[*adapter.Error](err); ok && errors.Is(answer, forge.ErrNotFound) {
		// Nobody of that name there, or no such team.
		if _, err = f.ask(ctx, http.MethodGet, path, nil, nil); err == nil {
			return false, nil
		}
	}
	return false, adapter.Failed(err, "ask whether %s belongs to the team %s of %s", p.Login, team, org)
}
