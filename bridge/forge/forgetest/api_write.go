package forgetest

import (
	"net/http"
	"slices"

	"seatrial/bridge/forge"
)

func createComment(c *call, r *repo) {
	var in struct{ Body string }
	if !c.body(&in) {
		return
	}
	switch i, err := c.s.issue(r.owner, r.name, atoi(c.r.PathValue("n"))); {
	case err != nil:
		c.fail(http.StatusInternalServerError, "") // as Gitea does
	case i.locked && !c.s.mayWrite(r, c.u):
		c.fail(http.StatusForbidden, "issue.is_locked")
	case in.Body == "":
		c.fail(http.StatusUnprocessableEntity, "[Body]: Required")
	default:
		answer(c.w, http.StatusCreated, c.s.asComment(c.s.addComment(i, c.u, in.Body)))
	}
}

func editComment(c *call, k *comment) {
	var in struct{ Body string }
	switch {
	case !c.body(&in):
	case k.author != c.u && !c.s.mayWrite(k.issue.repo, c.u):
		c.w.WriteHeader(http.StatusForbidden)
	default:
		c.s.edit(k, c.u, in.Body)
		answer(c.w, http.StatusOK, c.s.asComment(k))
	}
}

// allowedReactions are all of GitHub's, and Gitea's default list.
var allowedReactions = []string{"+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"}

func react(c *call, k *comment) {
	var in struct{ Content string }
	switch {
	case !c.body(&in):
		return
	case k.issue.locked && !c.s.mayWrite(k.issue.repo, c.u):
		c.fail(http.StatusForbidden, "no permission to change reaction")
		return
	case !slices.Contains(allowedReactions, in.Content):
		c.fail(http.StatusForbidden, "'"+in.Content+"' is not an allowed reaction")
		return
	}
	for _, old := range k.reactions {
		if old.by == c.u && old.content == in.Content {
			answer(c.w, http.StatusOK, asReaction(old))
			return
		}
	}
	made := reaction{by: c.u, content: in.Content, at: c.s.time()}
	k.reactions = append(k.reactions, made)
	answer(c.w, http.StatusCreated, asReaction(made))
}

var states = []forge.StatusState{forge.StatusPending, forge.StatusSuccess, forge.StatusFailure, forge.StatusError, "warning", "skipped"}

func setStatus(c *call, r *repo) {
	var in struct {
		State                forge.StatusState
		Context, Description string
		TargetURL            string `json:"target_url"`
	}
	if !c.body(&in) {
		return
	}
	commit := c.r.PathValue("commit")
	switch {
	case !c.s.mayWrite(r, c.u):
		c.fail(http.StatusForbidden, "user should have a permission to write to a repo")
		return
	case !slices.Contains(states, in.State):
		c.fail(http.StatusUnprocessableEntity, "unknown state")
		return
	case r.dir != "" && !holds(r, commit):
		c.notFound()
		return
	}
	if len([]rune(in.Description)) > 140 {
		c.s.complain("the status %q has a description of more than 140 characters", in.Context)
	}
	st := &status{
		id: int64(len(r.statuses) + 1), commit: commit, by: c.u, created: c.s.time(),
		Status: forge.Status{State: in.State, Context: in.Context, Description: in.Description, TargetURL: in.TargetURL},
	}
	r.statuses = append(r.statuses, st)
	answer(c.w, http.StatusCreated, asStatus(st))
}

func holds(r *repo, commit string) bool {
	_, err := commitOf(r.dir, commit)
	return err == nil
}
