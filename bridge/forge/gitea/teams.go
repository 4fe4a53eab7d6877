package gitea

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	sdk "code.gitea.io/sdk/gitea"

	"seatrial/bridge/forge"
)

// TeamMember says whether somebody is in a team of an organisation. The error wraps
// forge.ErrNotFound where there is no such team. Gitea tells who is in a team only to its
// own members and to owners of the organisation: to anybody else that is an error, never no.
func (f *Forge) TeamMember(ctx context.Context, org, team string, p forge.Person) (bool, error) {
	if p.Login == "" {
		return false, nil // a deleted account
	}
	id, err := f.teamID(ctx, org, team)
	if err != nil {
		return false, err
	}
	client, err := f.client(ctx, "member")
	if err != nil {
		return false, err
	}
	found, _, err := client.GetTeamMember(id, p.Login)
	err = plain(err)
	var answer *answerError
	switch {
	case errors.Is(err, forge.ErrNotFound):
		return false, nil
	case errors.As(err, &answer) && answer.Status == http.StatusForbidden:
		return false, fmt.Errorf("cannot ask whether %s is in the team %s of %s: the forge tells that only to the team's own members: add our account to it", p.Login, team, org)
	case err != nil:
		return false, failed(err, "ask whether %s is in the team %s of %s", p.Login, team, org)
	}
	return found.ID == p.ID, nil
}

// teamID finds a team by its name, which forges do not tell upper from lower case in.
func (f *Forge) teamID(ctx context.Context, org, team string) (int64, error) {
	for page := 1; page <= mostTeamPages; page++ {
		client, err := f.client(ctx, "member")
		if err != nil {
			return 0, err
		}
		list, _, err := client.ListOrgTeams(org, sdk.ListTeamsOptions{ListOptions: sdk.ListOptions{Page: page, PageSize: pageSize}})
		if err != nil {
			return 0, failed(err, "list the teams of %s", org)
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
