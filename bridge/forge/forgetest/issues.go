package forgetest

import (
	"cmp"
	"net/http"
	"os/exec"
	"slices"
	"strings"

	sdk "code.gitea.io/sdk/gitea"
)

// getGiteaBranch answers for a branch of the repository itself.
func getGiteaBranch(c *call, r *repo) {
	name := c.r.PathValue("branch")
	commit := c.s.head(r, "refs/heads/"+name)
	if commit == "" || exec.Command("git", "check-ref-format", "refs/heads/"+name).Run() != nil {
		c.notFound()
		return
	}
	answer(c.w, http.StatusOK, sdk.Branch{Name: name, Commit: &sdk.PayloadCommit{ID: commit}})
}

// listIssues lists issues and pull requests of one repository, the newest first.
func listIssues(c *call, r *repo) {
	kind, state, by := c.r.FormValue("type"), c.r.FormValue("state"), c.r.FormValue("created_by")
	var found []*issue
	for _, i := range slices.Backward(r.issues) {
		isKind := kind == "" || (kind == "pulls") == (i.pull != nil)
		isState := state == "all" || (state == "closed") == !i.open
		if isKind && isState && (by == "" || strings.EqualFold(by, i.author.Login)) {
			found = append(found, i)
		}
	}
	c.list(found)
}

func createIssue(c *call, r *repo) {
	var in struct{ Title, Body string }
	switch {
	case !c.body(&in):
	case strings.TrimSpace(in.Title) == "":
		c.fail(http.StatusUnprocessableEntity, "[Title]: Required")
	default:
		answer(c.w, http.StatusCreated, c.s.asIssue(c.s.addIssue(r, c.u, in.Title, in.Body)))
	}
}

// editIssue lets the author, and who may write to the repository.
func editIssue(c *call, i *issue) {
	var in struct {
		Title       string
		Body, State *string
	}
	if !c.body(&in) {
		return
	}
	if i.author != c.u && !c.s.mayWrite(i.repo, c.u) {
		c.w.WriteHeader(http.StatusForbidden)
		return
	}
	i.title = cmp.Or(in.Title, i.title)
	set(&i.body, in.Body)
	if in.State != nil {
		i.open = *in.State == string(sdk.StateOpen)
	}
	i.updated = c.s.time()
	answer(c.w, http.StatusCreated, c.s.asIssue(i))
}
