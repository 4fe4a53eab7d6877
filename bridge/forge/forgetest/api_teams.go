package forgetest

import (
	"hash/crc32"
	"maps"
	"net/http"
	"slices"
	"strings"

	sdk "code.gitea.io/sdk/gitea"
)

// teamID is a team's number: the same for the same name.
func teamID(org, team string) int64 {
	return int64(crc32.ChecksumIEEE([]byte(strings.ToLower(org) + "/" + strings.ToLower(team))))
}

// listTeams lists an organisation's teams, for its members.
func listTeams(c *call) {
	name := c.r.PathValue("org")
	o := c.s.orgs[strings.ToLower(name)]
	switch {
	case o == nil:
		c.notFound()
	case c.u == nil || c.s.member(name, c.u.Login) == "":
		c.fail(http.StatusForbidden, "Must be an organization member")
	default:
		list := []*sdk.Team{}
		for _, team := range page(c.w, c.r, slices.Sorted(maps.Keys(o.teams))) {
			list = append(list, &sdk.Team{ID: teamID(name, team), Name: team, Permission: sdk.AccessModeRead})
		}
		answer(c.w, http.StatusOK, list)
	}
}

// getTeamMember tells only those who are in a team who else is.
func getTeamMember(c *call) {
	for name, o := range c.s.orgs {
		for team, members := range o.teams {
			if teamID(name, team) != int64(atoi(c.r.PathValue("id"))) {
				continue
			}
			asked, err := c.s.user(c.r.PathValue("login"))
			switch {
			case c.u == nil || !members[strings.ToLower(c.u.Login)]:
				c.fail(http.StatusForbidden, "Must be a team member")
			case err != nil || !members[strings.ToLower(asked.Login)]:
				c.notFound()
			default:
				answer(c.w, http.StatusOK, asUser(asked))
			}
			return
		}
	}
	c.notFound()
}
