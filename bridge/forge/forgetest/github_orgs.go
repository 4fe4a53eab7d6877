package forgetest

import (
	"net/http"
	"strings"
)

func getGitHubSelf(c *ghCall) {
	switch {
	case c.by.grant != nil:
		c.withheld()
	case c.signedIn():
		c.answer(http.StatusOK, c.s.ghUser(c.by.user))
	}
}

func getGitHubUser(c *ghCall) {
	u, err := c.s.user(c.path("login"))
	if err != nil {
		c.notFound()
		return
	}
	c.answer(http.StatusOK, c.s.ghUser(u))
}

func (c *ghCall) org() *org {
	o := c.s.orgs[strings.ToLower(c.path("org"))]
	if o == nil {
		c.notFound()
	}
	return o
}

func getGitHubOrg(c *ghCall, o *org) { c.answer(http.StatusOK, c.s.ghOrg(o)) }

// inside says whether the caller may know who is a member of an organisation.
func (c *ghCall) inside(o *org) bool {
	if g := c.by.grant; g != nil {
		return strings.EqualFold(g.install.account.Login, o.user.Login) && g.allows(nil, "members", "read")
	}
	return c.by.user != nil && c.s.member(o.user.Login, c.by.user.Login) != ""
}

// getGitHubMember tells only members who is one; others are sent to the public members.
func getGitHubMember(c *ghCall, o *org) {
	asked, err := c.s.user(c.path("login"))
	switch {
	case c.by.grant != nil && !c.inside(o):
		c.withheld()
	case c.inside(o):
		if err != nil || c.s.member(o.user.Login, asked.Login) == "" {
			c.fail(http.StatusNotFound, "Not Found")
			return
		}
		c.w.WriteHeader(http.StatusNoContent)
	case err == nil && c.by.user == asked:
		c.notFound()
	default:
		c.w.Header().Set("Location", c.api("/orgs/%s/public_members/%s", o.user.Login, c.path("login")))
		c.w.WriteHeader(http.StatusFound)
	}
}

// getOwnMembership says what the token's owner is in an organisation.
func getOwnMembership(c *ghCall, o *org) {
	switch {
	case !c.signedIn():
	case c.by.grant != nil:
		c.withheld()
	case !c.inside(o):
		c.notFound()
	default:
		c.answer(http.StatusOK, object{
			"url": c.api("/orgs/%s/memberships/%s", o.user.Login, c.by.user.Login), "state": "active", "role": "member",
			"organization": c.s.ghOrg(o), "user": c.s.ghUser(c.by.user),
		})
	}
}

// team finds a team that the caller may see.
func (c *ghCall) team() (*org, map[string]bool) {
	o := c.org()
	if o == nil {
		return nil, nil
	}
	team := o.teams[strings.ToLower(c.path("team"))]
	if team == nil || !c.inside(o) {
		c.notFound()
		return nil, nil
	}
	return o, team
}

func getTeam(c *ghCall) {
	if o, team := c.team(); team != nil {
		slug := strings.ToLower(c.path("team"))
		c.answer(http.StatusOK, object{
			"id": o.user.ID*1000 + int64(len(slug)), "name": slug, "slug": slug, "privacy": "closed", "permission": "pull",
			"url": c.api("/orgs/%s/teams/%s", o.user.Login, slug), "members_count": len(team), "organization": c.s.ghOrg(o),
		})
	}
}

func getTeamMembership(c *ghCall) {
	o, team := c.team()
	switch login := strings.ToLower(c.path("login")); {
	case team == nil:
	case !team[login]:
		c.notFound()
	default:
		c.answer(http.StatusOK, object{
			"url": c.api("/orgs/%s/teams/%s/memberships/%s", o.user.Login, c.path("team"), c.path("login")), "role": "member", "state": "active",
		})
	}
}

// getPermission is for who may push.
func getPermission(c *ghCall, r *repo) {
	u, err := c.s.user(c.path("login"))
	switch {
	case err != nil:
		c.notFound()
	case c.by.grant == nil && !c.s.mayWrite(r, c.by.user):
		c.fail(http.StatusForbidden, "Must have push access to view collaborator permission.")
	default:
		level := "read"
		if c.s.mayWrite(r, u) {
			level = "write"
		}
		c.answer(http.StatusOK, object{"permission": level, "role_name": level, "user": c.s.ghUser(u)})
	}
}
