package forgetest

import (
	"hash/crc32"
	"maps"
	"net/http"
	"slices"
	"strconv"
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
		answer(c.w, http.StatusOK, each(page(c.w, c.r, slices.Sorted(maps.Keys(o.teams))), func(team string) *sdk.Team {
			return &sdk.Team{ID: teamID(name, team), Name: team, Permission: sdk.AccessModeRead}
		}))
	}
}

// getTeamMember tells only those who are in a team who else is.
func getTeamMember(c *call) {
	for name, o := range c.s.orgs {
		for team, members := range o.teams {
			if teamID(name, team) != int64(atoi(c.r.PathValue("id"))) {
				continue
			}
			if c.u == nil || !members[strings.ToLower(c.u.Login)] {
				c.fail(http.StatusForbidden, "Must be a team member")
			} else if asked := c.person(); asked != nil && members[strings.ToLower(asked.Login)] {
				answer(c.w, http.StatusOK, asUser(asked))
			} else if asked != nil {
				c.notFound()
			}
			return
		}
	}
	c.notFound()
}

// searchUsers finds an account by its number.
func searchUsers(c *call) {
	list := []*sdk.User{}
	for _, u := range c.s.users {
		if !u.org && strconv.FormatInt(u.ID, 10) == c.r.FormValue("uid") {
			list = append(list, asUser(u))
		}
	}
	answer(c.w, http.StatusOK, map[string]any{"ok": true, "data": list})
}
