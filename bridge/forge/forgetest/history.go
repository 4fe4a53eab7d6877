package forgetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	sdk "code.gitea.io/sdk/gitea"
)

// timeline mixes comments and pushes by time.
func timeline(c *call, i *issue) {
	since, ok := c.since()
	if !ok {
		return
	}
	all := []*sdk.TimelineComment{}
	for _, k := range i.comments {
		all = append(all, &sdk.TimelineComment{ID: k.id, Type: "comment", Poster: asUser(k.author), Body: k.body, Created: k.created, Updated: k.updated})
	}
	if i.pull != nil {
		for _, p := range i.pull.pushes {
			body, _ := json.Marshal(map[string]any{"is_force_push": p.forced, "commit_ids": p.commits})
			all = append(all, &sdk.TimelineComment{ID: p.id, Type: "pull_push", Poster: asUser(p.by), Body: string(body), Created: p.at, Updated: p.at})
		}
	}
	slices.SortFunc(all, func(a, b *sdk.TimelineComment) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	cut := page(c.w, c.r, slices.DeleteFunc(all, func(e *sdk.TimelineComment) bool { return e.Updated.Before(since) }))
	c.w.Header().Set("X-Total-Count", fmt.Sprint(len(cut))) // Gitea counts the page
	if len(cut) == 0 {
		answer(c.w, http.StatusOK, nil) // and says null
		return
	}
	answer(c.w, http.StatusOK, cut)
}

// listCommits reads the history of a branch. A commit's tree is given as Gitea gives
// it: it is the commit again.
func listCommits(c *call, r *repo) {
	if r.empty() {
		c.fail(http.StatusConflict, "Git Repository is empty.")
		return
	}
	branch := cmp.Or(c.r.FormValue("sha"), r.defaultBranch)
	out, err := Git(r.dir, "log", "-n", "500", "--format=%H %cI", "--end-of-options", "refs/heads/"+branch)
	if err != nil {
		c.notFound()
		return
	}
	list := []*sdk.Commit{}
	for line := range strings.Lines(out) {
		commit, date, _ := strings.Cut(strings.TrimSpace(line), " ")
		at, _ := time.Parse(time.RFC3339, date)
		meta := sdk.CommitMeta{SHA: commit, Created: at}
		list = append(list, &sdk.Commit{CommitMeta: &meta, RepoCommit: &sdk.RepoCommit{Tree: &meta}})
	}
	answer(c.w, http.StatusOK, page(c.w, c.r, list))
}

func (r *repo) empty() bool { return r.dir == "" || !holds(r, "refs/heads/"+r.defaultBranch) }
