package forgetest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"seatrial/bridge/forge"
)

func getGitHubPull(c *ghCall, i *issue) {
	if i.pull == nil {
		c.notFound()
	} else {
		c.answer(http.StatusOK, c.s.ghPull(i, c.by))
	}
}

func getGitHubIssue(c *ghCall, i *issue) {
	c.answer(http.StatusOK, c.s.ghIssue(i, c.by))
}

// listGitHubIssues gives issues and pull requests, by default the open ones, the newest first.
func listGitHubIssues(c *ghCall, r *repo) {
	since, ok := c.since()
	if !ok {
		return
	}
	state, creator := cmp.Or(c.r.FormValue("state"), "open"), c.r.FormValue("creator")
	found := []*issue{}
	for _, i := range slices.Backward(r.issues) {
		isState := state == "all" || (state == "closed") == !i.open
		if isState && !i.updated.Before(since) && (creator == "" || strings.EqualFold(i.author.Login, creator)) {
			found = append(found, i)
		}
	}
	slices.SortStableFunc(found, func(a, b *issue) int {
		if c.r.FormValue("sort") == "updated" {
			return b.updated.Compare(a.updated)
		}
		return b.created.Compare(a.created)
	})
	if c.r.FormValue("direction") == "asc" {
		slices.Reverse(found)
	}
	c.answer(http.StatusOK, each(ghPage(c, found), func(i *issue) object { return c.s.ghIssue(i, c.by) }))
}

func createGitHubIssue(c *ghCall, r *repo) {
	var in struct{ Title, Body string }
	switch {
	case !c.signedIn() || !c.body(&in):
	case c.by.grant != nil && !c.may(r, "issues"):
		c.withheld()
	case in.Title == "":
		c.invalid("Issue", "title", "missing_field", "")
	case len([]rune(in.Body)) > maxText:
		c.invalid("Issue", "body", "custom", "body is too long (maximum is 65536 characters)")
	default:
		c.answer(http.StatusCreated, c.s.ghIssue(c.s.addIssue(r, c.by.user, in.Title, in.Body), c.by))
	}
}

func editGitHubIssue(c *ghCall, i *issue) {
	var in struct{ Title, Body, State *string }
	switch {
	case !c.signedIn() || !c.body(&in):
		return
	case i.author != c.by.user && !c.may(i.repo, "issues") || c.by.grant != nil && !c.may(i.repo, "issues"):
		c.withheld()
		return
	case in.Body != nil && len([]rune(*in.Body)) > maxText:
		c.invalid("Issue", "body", "custom", "body is too long (maximum is 65536 characters)")
		return
	case in.State != nil && *in.State != "open" && *in.State != "closed":
		c.invalid("Issue", "state", "invalid", "")
		return
	}
	set(&i.title, in.Title)
	set(&i.body, in.Body)
	if in.State != nil {
		i.open = *in.State == "open"
	}
	i.updated = c.s.time()
	c.answer(http.StatusOK, c.s.ghIssue(i, c.by))
}

func createStatus(c *ghCall, r *repo) {
	var in struct {
		State                forge.StatusState
		Context, Description string
		TargetURL            string `json:"target_url"`
	}
	if !c.signedIn() || !c.body(&in) {
		return
	}
	commit := c.path("commit")
	switch {
	case !c.may(r, "statuses"):
		c.withheld()
		return
	case !slices.Contains(states[:4], in.State):
		c.invalid("Status", "state", "inclusion", "state is not included in the list")
		return
	case len([]rune(in.Description)) > 140:
		c.invalid("Status", "description", "custom", "description is too long (maximum is 140 characters)")
		return
	case r.dir != "" && c.s.head(r, commit) == "":
		c.fail(http.StatusUnprocessableEntity, "No commit found for SHA: "+commit)
		return
	}
	st := &status{
		id: c.s.nextID(), commit: commit, by: c.by.user, created: c.s.time(),
		Status: forge.Status{State: in.State, Context: cmp.Or(in.Context, "default"), Description: in.Description, TargetURL: in.TargetURL},
	}
	r.statuses = append(r.statuses, st)
	c.w.Header().Set("Location", c.api("/repos/%s/%s/statuses/%s", r.owner, r.name, commit))
	c.answer(http.StatusCreated, c.s.ghStatus(r, st))
}

// listGitHubStatuses gives the newest first.
func listGitHubStatuses(c *ghCall, r *repo) {
	commit := cmp.Or(c.s.revision(r, c.path("commit")), c.path("commit"))
	found := []*status{}
	for _, st := range slices.Backward(r.statuses) {
		if st.commit == commit {
			found = append(found, st)
		}
	}
	c.answer(http.StatusOK, each(ghPage(c, found), func(st *status) object { return c.s.ghStatus(r, st) }))
}
