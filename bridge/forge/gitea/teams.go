package gitea

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	sdk "code.gitea.io/sdk/gitea"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// TeamMember says whether somebody is in a team of an organisation. The error wraps
// forge.ErrNotFound where there is no such team. Gitea tells who is in a team only to its
// own members and to owners of the organisation: to anybody else that is an error, never no.
// Who was renamed is asked about by the new login.
func (f *Forge) TeamMember(ctx context.Context, org, team string, p forge.Person) (bool, error) {
	if p.Login == "" {
		return false, nil // a deleted account
	}
	id, err := f.teamID(ctx, org, team)
	if err != nil {
		return false, err
	}
	is, err := f.inTeam(ctx, org, team, id, p)
	if wasRenamed(err, p) {
		if p.Login, err = f.loginOf(ctx, p); err == nil {
			is, err = f.inTeam(ctx, org, team, id, p)
		}
	}
	return is, err
}

func (f *Forge) inTeam(ctx context.Context, org, team string, id int64, p forge.Person) (bool, error) {
	client, err := f.client(ctx, "member")
	if err != nil {
		return false, err
	}
	found, _, err := client.GetTeamMember(id, p.Login)
	err = adapter.Plain(err)
	var answer *adapter.Error
	switch {
	case errors.Is(err, forge.ErrNotFound):
		return false, nil
	case errors.As(err, &answer) && answer.Status == http.StatusForbidden:
		return false, fmt.Errorf("cannot ask whether %s is in the team %s of %s: the forge tells that only to the team's own members: add our account to it", p.Login, team, org)
	case err != nil:
		return false, adapter.Failed(err, "ask whether %s is in the team %s of %s", p.Login, team, org)
	}
	return found.ID == p.ID, nil
}

// teamsFor is how long a team's number is believed: a team that was made anew under the
// same name has another one.
const teamsFor = time.Minute

// knownTeam is a team's number, and when it was learnt.
type knownTeam struct {
	id int64
	at time.Time
}

// teamID finds a team by its name, which forges do not tell upper from lower case in.
func (f *Forge) teamID(ctx context.Context, org, team string) (int64, error) {
	key := strings.ToLower(org + "/" + team)
	f.mu.Lock()
	known := f.teams[key]
	f.mu.Unlock()
	if age := f.wire.now().Sub(known.at); known.id != 0 && age >= 0 && age < teamsFor {
		return known.id, nil
	}
	id, err := f.findTeam(ctx, org, team)
	if err == nil {
		f.mu.Lock()
		f.teams[key] = knownTeam{id, f.wire.now()}
		f.mu.Unlock()
	}
	return id, err
}

func (f *Forge) findTeam(ctx context.Context, org, team string) (int64, error) {
	for page := 1; page <= mostTeamPages; page++ {
		client, err := f.client(ctx, "member")
		if err != nil {
			return 0, err
		}
		list, _, err := client.ListOrgTeams(org, sdk.ListTeamsOptions{ListOptions: sdk.ListOptions{Page: page, PageSize: pageSize}})
		if err != nil {
			return 0, adapter.Failed(err, "list the teams of %s", org)
		}
		for _, t := range list {
			if t != nil && strings.EqualFold(t.Name, team) {
				return t.ID, nil
			}
		}
		if len(list) < pageSize {
			break
		}
	}
	return 0, fmt.Errorf("cannot find the team %s of %s: %w", team, org, forge.ErrNotFound)
}

// mostTeamPages bounds the search for a team.
const mostTeamPages = 40
