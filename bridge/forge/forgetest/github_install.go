package forgetest

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// isApp says whether an App asks in its own name, or answers that one must.
func (c *ghCall) isApp() bool {
	if c.by.app == nil {
		c.fail(http.StatusUnauthorized, "A JSON web token could not be decoded")
		return false
	}
	return true
}

func getApp(c *ghCall) {
	if c.isApp() {
		c.answer(http.StatusOK, c.s.ghApp(c.by.app))
	}
}

func (s *Server) ghApp(a *app) object {
	return object{
		"id": a.id, "slug": a.slug, "node_id": nodeID("Integration", a.id), "name": a.slug, "description": "", "external_url": s.URL(),
		"html_url": s.URL() + "/github-apps/" + a.slug, "created_at": stamp(a.created), "updated_at": stamp(a.created),
		"permissions": maps.Clone(a.permissions), "events": []string{"issue_comment", "merge_group", "pull_request", "push"},
		"owner": object{"login": a.owner, "id": a.id * 100, "node_id": nodeID("User", a.id*100), "type": "User", "site_admin": false},
	}
}

// ghAppOf describes the App that a bot belongs to.
func (s *Server) ghAppOf(bot *user) any {
	for _, a := range s.hub.apps {
		if a.bot == bot {
			return s.ghApp(a)
		}
	}
	return nil
}

func (s *Server) ghInstallation(i *installation) object {
	selection := "all"
	if i.repos != nil {
		selection = "selected"
	}
	target := "User"
	if i.account.org {
		target = "Organization"
	}
	return object{
		"id": i.id, "account": s.ghUser(i.account), "app_id": i.app.id, "app_slug": i.app.slug, "target_id": i.account.ID, "target_type": target,
		"repository_selection": selection, "permissions": i.permitted(i.permissions), "events": []string{"issue_comment", "merge_group", "pull_request", "push"},
		"access_tokens_url": s.apiURL("/app/installations/%d/access_tokens", i.id), "repositories_url": s.apiURL("/installation/repositories"),
		"html_url":   s.URL() + "/organizations/" + i.account.Login + "/settings/installations/" + strconv.FormatInt(i.id, 10),
		"created_at": stamp(i.created), "updated_at": stamp(i.created), "single_file_name": nil, "suspended_at": nil, "suspended_by": nil,
	}
}

// permitted leaves out what is not permitted.
func (i *installation) permitted(all map[string]string) map[string]string {
	out := map[string]string{}
	for name, level := range all {
		if level = cmp.Or(level, ""); level != "" && i.permissions[name] != "" {
			out[name] = level
		}
	}
	return out
}

// getInstallation tells an App where it is installed for an account or a repository.
func getInstallation(c *ghCall) {
	if !c.isApp() {
		return
	}
	var r *repo
	if name := c.path("repo"); name != "" {
		found, err := c.s.repo(c.path("owner"), name)
		if err != nil {
			c.notFound()
			return
		}
		r = found
	}
	i := c.s.installed(c.by.app, c.path("owner"), r)
	if i == nil {
		c.notFound()
		return
	}
	c.answer(http.StatusOK, c.s.ghInstallation(i))
}

// own finds one of the App's installations by its number.
func (c *ghCall) own() *installation {
	if !c.isApp() {
		return nil
	}
	id, _ := strconv.ParseInt(c.path("id"), 10, 64)
	i := c.s.hub.installs[id]
	if i == nil || i.app != c.by.app {
		c.notFound()
		return nil
	}
	return i
}

func getInstallationByID(c *ghCall, i *installation) {
	c.answer(http.StatusOK, c.s.ghInstallation(i))
}

func listInstallations(c *ghCall) {
	if !c.isApp() {
		return
	}
	list := []object{}
	for _, id := range slices.Sorted(maps.Keys(c.s.hub.installs)) {
		if i := c.s.hub.installs[id]; i.app == c.by.app {
			list = append(list, c.s.ghInstallation(i))
		}
	}
	c.answer(http.StatusOK, ghPage(c, list))
}

// createInstallationToken makes a token for an hour, for less than the installation may
// if that is asked for.
func createInstallationToken(c *ghCall, i *installation) {
	var in struct {
		Repositories  []string
		RepositoryIDs []int64 `json:"repository_ids"`
		Permissions   map[string]string
	}
	if !c.body(&in) {
		return
	}
	g := &grant{install: i, expires: c.s.time().Add(grantLife), permissions: i.permitted(i.permissions)}
	for _, name := range in.Repositories {
		r, err := c.s.repo(i.account.Login, name)
		if err != nil {
			c.fail(http.StatusUnprocessableEntity, "There is at least one repository that does not exist or is not accessible to the parent installation.")
			return
		}
		in.RepositoryIDs = append(in.RepositoryIDs, r.id)
	}
	for _, id := range in.RepositoryIDs {
		if r := c.s.numbered[id]; r == nil || !g.covers(r) {
			c.fail(http.StatusUnprocessableEntity, "There is at least one repository that does not exist or is not accessible to the parent installation.")
			return
		}
	}
	if len(in.RepositoryIDs) > 0 {
		g.repos = map[int64]bool{}
		for _, id := range in.RepositoryIDs {
			g.repos[id] = true
		}
	}
	for name, level := range in.Permissions {
		if has := i.permissions[name]; has != level && has != "write" {
			c.fail(http.StatusUnprocessableEntity, "The permissions requested are not granted to this installation.")
			return
		}
	}
	if len(in.Permissions) > 0 {
		g.permissions = in.Permissions
	}
	token := newGrant()
	c.s.hub.grants[token] = g
	selection := "all"
	if i.repos != nil || g.repos != nil {
		selection = "selected"
	}
	c.answer(http.StatusCreated, object{"token": token, "expires_at": stamp(g.expires), "permissions": g.permissions, "repository_selection": selection})
}

func newGrant() string {
	var b [18]byte
	rand.Read(b[:])
	return "ghs_" + hex.EncodeToString(b[:])
}

// listInstallationRepos tells an installation which repositories it may see.
func listInstallationRepos(c *ghCall) {
	if c.by.grant == nil {
		c.fail(http.StatusForbidden, "You must authenticate with an installation access token in order to list repositories for an installation.")
		return
	}
	found := []*repo{}
	for _, r := range c.s.repos {
		if c.by.grant.covers(r) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *repo) int { return strings.Compare(a.name, b.name) })
	c.answer(http.StatusOK, object{"total_count": len(found), "repositories": each(ghPage(c, found), func(r *repo) object { return c.s.ghRepo(r, c.by) })})
}
