package forgetest

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// listGitHubTimeline mixes what happened to a pull request by time. A commit has only the
// times that its author wrote into it: nothing says when it was pushed, and what a forced
// push removed is gone.
func listGitHubTimeline(c *ghCall, i *issue) {
	type entry struct {
		at    time.Time
		shape object
	}
	var all []entry
	for _, k := range i.comments {
		shape := c.s.ghComment(k, c.by)
		shape["event"], shape["actor"] = "commented", shape["user"]
		all = append(all, entry{k.created, shape})
	}
	if i.pull != nil {
		for _, g := range c.commitsOf(i) {
			all = append(all, entry{g.committer.at, c.committed(i, g)})
		}
		for _, m := range i.pull.moves {
			if m.kind == "force_push" {
				all = append(all, entry{m.at, c.event(i, m.id, "head_ref_force_pushed", m.by, m.after, m.at)})
			}
		}
		if i.pull.merged {
			all = append(all, entry{i.updated, c.event(i, i.id*10, "merged", i.author, i.pull.merge, i.updated)})
		}
	}
	if !i.open {
		all = append(all, entry{i.updated, c.event(i, i.id*10+1, "closed", i.author, "", i.updated)})
	}
	slices.SortStableFunc(all, func(a, b entry) int { return a.at.Compare(b.at) })
	c.answer(http.StatusOK, each(ghPage(c, all), func(e entry) object { return e.shape }))
}

// commitsOf are a pull request's commits, the oldest first.
func (c *ghCall) commitsOf(i *issue) []gitCommit {
	if i.repo.dir == "" || i.pull.head == "" {
		return nil
	}
	found, err := c.s.commits(i.repo, 0, 250, i.pull.head, "^refs/heads/"+i.pull.base)
	if err != nil {
		return nil
	}
	slices.Reverse(found)
	return found
}

func (c *ghCall) committed(i *issue, g gitCommit) object {
	full := c.s.ghCommit(i.repo, g)
	return object{
		"event": "committed", "sha": g.sha, "node_id": full["node_id"], "url": c.api("/repos/%s/%s/git/commits/%s", i.repo.owner, i.repo.name, g.sha),
		"html_url": full["html_url"], "author": g.author.shape(), "committer": g.committer.shape(), "message": g.message,
		"tree": full["commit"].(object)["tree"], "parents": full["parents"],
	}
}

func (c *ghCall) event(i *issue, id int64, name string, by *user, commit string, at time.Time) object {
	out := object{
		"id": id, "node_id": nodeID(name, id), "url": c.api("/repos/%s/%s/issues/events/%d", i.repo.owner, i.repo.name, id), "event": name,
		"actor": c.s.ghUser(by), "commit_id": orNull(commit), "commit_url": nil, "created_at": stamp(at), "performed_via_github_app": nil,
	}
	if commit != "" {
		out["commit_url"] = fmt.Sprintf("%s/%s", c.api("/repos/%s/%s/commits", i.repo.owner, i.repo.name), commit)
	}
	return out
}
