package forgetest

import (
	"cmp"
	"net/http"
	"slices"
)

// maxText is how long a comment or an issue may be, in characters.
const maxText = 65536

// listGitHubRepoComments filters by the time of the last change, inclusive.
func listGitHubRepoComments(c *ghCall, r *repo) {
	since, ok := c.since()
	if !ok {
		return
	}
	found := r.changedSince(since)
	if c.r.FormValue("sort") == "updated" {
		slices.SortFunc(found, func(a, b *comment) int { return cmp.Or(a.updated.Compare(b.updated), cmp.Compare(a.id, b.id)) })
	}
	// Without a field to sort by the direction is not looked at.
	if c.r.FormValue("sort") != "" && c.r.FormValue("direction") != "asc" {
		slices.Reverse(found)
	}
	c.comments(ghPage(c, found))
}

func (c *ghCall) comments(found []*comment) {
	c.answer(http.StatusOK, each(found, func(k *comment) object { return c.s.ghComment(k, c.by) }))
}

func listGitHubComments(c *ghCall, i *issue) {
	since, ok := c.since()
	if !ok {
		return
	}
	c.comments(ghPage(c, slices.DeleteFunc(slices.Clone(i.comments), func(k *comment) bool { return k.updated.Before(since) })))
}

// text checks a comment's text, or answers what is wrong with it.
func (c *ghCall) text(body string) bool {
	switch {
	case body == "":
		c.invalid("IssueComment", "data", "unprocessable", "Body cannot be blank")
	case len([]rune(body)) > maxText:
		c.invalid("IssueComment", "data", "unprocessable", "Body is too long (maximum is 65536 characters)")
	default:
		return true
	}
	return false
}

func createGitHubComment(c *ghCall, i *issue) {
	var in struct{ Body string }
	switch {
	case !c.signedIn() || !c.body(&in):
	case !c.mayTalk(i.repo):
		c.withheld()
	case i.locked && !c.may(i.repo, "issues"):
		c.fail(http.StatusForbidden, "Unable to create comment because issue is locked.")
	case c.text(in.Body):
		k := c.s.addComment(i, c.by.user, in.Body)
		shape := c.s.ghComment(k, c.by)
		c.w.Header().Set("Location", shape["url"].(string))
		c.answer(http.StatusCreated, shape)
	}
}

func editGitHubComment(c *ghCall, k *comment) {
	var in struct{ Body string }
	switch {
	case !c.signedIn() || !c.body(&in):
	case !c.mayTalk(k.issue.repo):
		c.withheld()
	case k.author != c.by.user && !c.may(k.issue.repo, "issues"):
		c.fail(http.StatusForbidden, "Must have admin rights to Repository.")
	case c.text(in.Body):
		c.s.edit(k, c.by.user, in.Body)
		c.answer(http.StatusOK, c.s.ghComment(k, c.by))
	}
}

func (c *ghCall) reaction(k *comment, r reaction, number int) object {
	id := k.id*100 + int64(number)
	return object{"id": id, "node_id": nodeID("Reaction", id), "user": c.s.ghUser(r.by), "content": r.content, "created_at": stamp(r.at)}
}

func createReaction(c *ghCall, k *comment) {
	var in struct{ Content string }
	switch {
	case !c.signedIn() || !c.body(&in):
		return
	case !c.mayTalk(k.issue.repo):
		c.withheld()
		return
	case !slices.Contains(allowedReactions, in.Content):
		c.invalid("Reaction", "content", "invalid", "content is not one of the reactions")
		return
	case k.issue.locked && !c.may(k.issue.repo, "issues"):
		c.fail(http.StatusForbidden, "Unable to create reaction because issue is locked.")
		return
	}
	for n, old := range k.reactions {
		if old.by == c.by.user && old.content == in.Content {
			c.answer(http.StatusOK, c.reaction(k, old, n))
			return
		}
	}
	made := reaction{by: c.by.user, content: in.Content, at: c.s.time()}
	k.reactions = append(k.reactions, made)
	c.answer(http.StatusCreated, c.reaction(k, made, len(k.reactions)-1))
}

func listReactions(c *ghCall, k *comment) {
	list := []object{}
	for n, r := range k.reactions {
		if content := c.r.FormValue("content"); content == "" || content == r.content {
			list = append(list, c.reaction(k, r, n))
		}
	}
	c.answer(http.StatusOK, ghPage(c, list))
}
