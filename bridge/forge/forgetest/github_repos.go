package forgetest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"
)

func getGitHubRepo(c *ghCall) {
	if i := c.s.fork(c.path("owner"), c.path("repo")); i != nil && c.s.sees(c.by, i.repo) {
		c.answer(http.StatusOK, c.s.ghFork(i))
		return
	}
	if r := c.repo(); r != nil {
		c.answer(http.StatusOK, c.s.ghRepo(r, c.by))
	}
}

// listBranches names them all, in the order of their names.
func listBranches(c *ghCall, r *repo) {
	list := []object{}
	for _, name := range ghPage(c, c.s.branches(r)) {
		head := c.s.head(r, "refs/heads/"+name)
		list = append(list, object{"name": name, "protected": false, "commit": object{"sha": head, "url": c.api("/repos/%s/%s/commits/%s", r.owner, r.name, head)}})
	}
	c.answer(http.StatusOK, list)
}

func getBranch(c *ghCall, r *repo) {
	name := c.path("branch")
	head := c.s.head(r, "refs/heads/"+name)
	if head == "" {
		c.fail(http.StatusNotFound, "Branch not found")
		return
	}
	found, ok := c.s.commit(r, head)
	if !ok {
		c.fail(http.StatusInternalServerError, "Server Error")
		return
	}
	c.answer(http.StatusOK, object{
		"name": name, "commit": c.s.ghCommit(r, found), "protected": false,
		"_links": object{"self": c.api("/repos/%s/%s/branches/%s", r.owner, r.name, name), "html": c.s.URL() + "/" + r.owner + "/" + r.name + "/tree/" + name},
	})
}

func listGitHubCommits(c *ghCall, r *repo) {
	if c.s.head(r, "refs/heads/"+r.defaultBranch) == "" {
		c.fail(http.StatusConflict, "Git Repository is empty.")
		return
	}
	name := cmp.Or(c.r.FormValue("sha"), r.defaultBranch)
	head := c.s.revision(r, name)
	if head == "" {
		c.notFound()
		return
	}
	from, size := c.pageLinks(c.s.length(r, head))
	found, err := c.s.commits(r, from, size, head)
	if err != nil {
		c.fail(http.StatusInternalServerError, "Server Error")
		return
	}
	c.answer(http.StatusOK, each(found, func(g gitCommit) object { return c.s.ghCommit(r, g) }))
}

// revision finds a branch, tag or commit; "" if there is none.
func (s *Server) revision(r *repo, name string) string {
	for _, ref := range []string{"refs/heads/" + name, "refs/tags/" + name} {
		if head := s.head(r, ref); head != "" {
			return head
		}
	}
	if len(name) == 40 && strings.Trim(name, "0123456789abcdef") == "" {
		return s.head(r, name)
	}
	return ""
}

func getCommit(c *ghCall, r *repo) {
	head := c.s.revision(r, c.path("commit"))
	if head == "" {
		c.fail(http.StatusUnprocessableEntity, "No commit found for SHA: "+c.path("commit"))
		return
	}
	found, ok := c.s.commit(r, head)
	if !ok {
		c.fail(http.StatusInternalServerError, "Server Error")
		return
	}
	c.answer(http.StatusOK, c.s.ghCommit(r, found))
}

// listActivity tells what was done to a branch and when, of the repository itself or of
// a fork, the newest first.
func listActivity(c *ghCall) {
	moves, ok := c.moves()
	if !ok {
		return
	}
	ref, kind := c.r.FormValue("ref"), c.r.FormValue("activity_type")
	if ref != "" && !strings.HasPrefix(ref, "refs/") {
		ref = "refs/heads/" + ref
	}
	found := []*move{}
	for _, m := range moves {
		if (ref == "" || m.ref == ref) && (kind == "" || m.kind == kind) && !m.at.Before(c.period()) {
			found = append(found, m)
		}
	}
	slices.SortStableFunc(found, func(a, b *move) int { return int(b.id - a.id) })
	if c.r.FormValue("direction") == "asc" {
		slices.Reverse(found)
	}
	list := []object{}
	for _, m := range ghPage(c, found) {
		one := object{"id": m.id, "node_id": nodeID("Activity", m.id), "before": m.before, "after": m.after, "ref": m.ref, "timestamp": stamp(m.at), "activity_type": m.kind, "actor": nil}
		if m.by != nil {
			one["actor"] = c.s.ghUser(m.by)
		}
		list = append(list, one)
	}
	c.answer(http.StatusOK, list)
}

// moves are those of the request's repository, which may be a fork.
func (c *ghCall) moves() ([]*move, bool) {
	owner, name := c.path("owner"), c.path("repo")
	var moves []*move
	first := c.s.fork(owner, name)
	if first == nil {
		r := c.repo()
		if r == nil {
			return nil, false
		}
		return r.moves, true
	}
	if !c.s.sees(c.by, first.repo) {
		c.notFound()
		return nil, false
	}
	for _, i := range c.s.forks[forkName(owner, name)] {
		if !i.pull.forkGone {
			moves = append(moves, i.pull.moves...)
		}
	}
	return moves, true
}

// period is since when the query wants to know.
func (c *ghCall) period() time.Time {
	now := c.s.time()
	switch c.r.FormValue("time_period") {
	case "day":
		return now.AddDate(0, 0, -1)
	case "week":
		return now.AddDate(0, 0, -7)
	case "month":
		return now.AddDate(0, -1, 0)
	case "quarter":
		return now.AddDate(0, -3, 0)
	case "year":
		return now.AddDate(-1, 0, 0)
	}
	return time.Time{}
}

func forkName(owner, name string) string { return strings.ToLower(owner + "/" + name) }

// fork is a pull request from a fork that is still there; nil if there is no such fork.
func (s *Server) fork(owner, name string) *issue {
	for _, i := range s.forks[forkName(owner, name)] {
		if !i.pull.forkGone {
			return i
		}
	}
	return nil
}
