package forgetest

import (
	"fmt"
	"net/http"

	sdk "code.gitea.io/sdk/gitea"
)

// What the API answers, in the SDK's types: their JSON names are Gitea's.

func asUser(u *user) *sdk.User {
	return &sdk.User{ID: u.ID, UserName: u.Login, IsActive: true}
}

func asOrg(o *org) *sdk.Organization {
	//lint:ignore SA1019 a client may still read the old name
	return &sdk.Organization{ID: o.user.ID, UserName: o.user.Login, Visibility: "public"}
}

func (s *Server) asRepo(r *repo) *sdk.Repository {
	url := s.URL() + "/" + r.owner + "/" + r.name
	return &sdk.Repository{
		ID: r.id, Name: r.name, FullName: r.owner + "/" + r.name, DefaultBranch: r.defaultBranch, Empty: r.empty(),
		Owner: &sdk.User{UserName: r.owner}, HTMLURL: url, CloneURL: url + ".git", Private: r.private,
		HasIssues: true, HasPullRequests: true, Archived: r.archived,
	}
}

func state(i *issue) sdk.StateType {
	if i.open {
		return sdk.StateOpen
	}
	return sdk.StateClosed
}

func (s *Server) issueURL(i *issue) string {
	kind := "issues"
	switch {
	case i.pull != nil && s.kind == GitHub:
		kind = "pull"
	case i.pull != nil:
		kind = "pulls"
	}
	return fmt.Sprintf("%s/%s/%s/%s/%d", s.URL(), i.repo.owner, i.repo.name, kind, i.number)
}

func (s *Server) commentURL(c *comment) string {
	return fmt.Sprintf("%s#issuecomment-%d", s.issueURL(c.issue), c.id)
}

func (c *call) list(found []*issue) {
	answer(c.w, http.StatusOK, each(page(c.w, c.r, found), c.s.asIssue))
}

func (s *Server) asIssue(i *issue) *sdk.Issue {
	out := &sdk.Issue{
		ID: i.id, Index: int64(i.number), Poster: asUser(i.author), Title: i.title, Body: i.body, State: state(i),
		Comments: len(i.comments), Created: i.created, Updated: i.updated, HTMLURL: s.issueURL(i),
		Repository: &sdk.RepositoryMeta{ID: i.repo.id, Name: i.repo.name, Owner: i.repo.owner, FullName: i.repo.owner + "/" + i.repo.name},
	}
	if i.pull != nil {
		out.PullRequest = &sdk.PullRequestMeta{HasMerged: i.pull.merged}
	}
	return out
}

// asPull: while the fork lives, the head is its branch; then it is the reference here.
func (s *Server) asPull(i *issue) *sdk.PullRequest {
	p := i.pull
	base := s.asRepo(i.repo)
	head := &sdk.PRBranchInfo{Name: p.branch, Ref: p.branch, Sha: p.head, RepoID: -1}
	if p.forkGone {
		head.Ref, head.Sha = fmt.Sprintf("refs/pull/%d/head", i.number), p.noted
	} else {
		head.Repository = &sdk.Repository{Name: i.repo.name, FullName: i.author.Login + "/" + i.repo.name, Owner: asUser(i.author)}
	}
	created, updated := i.created, i.updated
	return &sdk.PullRequest{
		ID: i.id, Index: int64(i.number), Poster: asUser(i.author), Title: i.title, Body: i.body, State: state(i),
		HasMerged: p.merged, HTMLURL: s.issueURL(i), URL: s.issueURL(i), Created: &created, Updated: &updated,
		Draft: p.draft, IsLocked: i.locked,
		Base: &sdk.PRBranchInfo{Name: p.base, Ref: p.base, RepoID: i.repo.id, Repository: base},
		Head: head,
	}
}

func (c *call) comments(found []*comment) {
	answer(c.w, http.StatusOK, each(found, c.s.asComment))
}

func (s *Server) asComment(c *comment) *sdk.Comment {
	out := &sdk.Comment{
		ID: c.id, Poster: asUser(c.author), Body: c.body, Created: c.created, Updated: c.updated, HTMLURL: s.commentURL(c),
	}
	if c.issue.pull != nil {
		out.PRURL = s.issueURL(c.issue)
	} else {
		out.IssueURL = s.issueURL(c.issue)
	}
	return out
}

func asReaction(r reaction) *sdk.Reaction {
	return &sdk.Reaction{User: asUser(r.by), Reaction: r.content, Created: r.at}
}

func (c *call) statuses(found []*status) {
	answer(c.w, http.StatusOK, each(found, asStatus))
}

func asStatus(st *status) *sdk.Status {
	return &sdk.Status{
		ID: st.id, State: sdk.StatusState(st.State), Context: st.Context, Description: st.Description,
		TargetURL: st.TargetURL, Creator: asUser(st.by), Created: st.created, Updated: st.created,
	}
}
