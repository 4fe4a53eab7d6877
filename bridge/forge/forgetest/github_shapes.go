package forgetest

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// What GitHub's API answers: names, types and nulls are as in recorded answers, and
// what nobody of ours reads is left out.

func nodeID(kind string, id int64) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%03d:%s%d", len(kind), kind, id))
}

func (s *Server) apiURL(format string, a ...any) string {
	return s.URL() + s.prefix() + fmt.Sprintf(format, a...)
}

func (s *Server) ghUser(u *user) object {
	kind := "User"
	switch {
	case u.org:
		kind = "Organization"
	case u.bot:
		kind = "Bot"
	}
	return object{
		"login": u.Login, "id": u.ID, "node_id": nodeID("User", u.ID), "avatar_url": fmt.Sprintf("%s/avatars/u/%d", s.URL(), u.ID),
		"gravatar_id": "", "url": s.apiURL("/users/%s", u.Login), "html_url": s.URL() + "/" + u.Login, "type": kind, "site_admin": false,
	}
}

func (s *Server) ghOrg(o *org) object {
	u := o.user
	return object{
		"login": u.Login, "id": u.ID, "node_id": nodeID("Organization", u.ID), "avatar_url": fmt.Sprintf("%s/avatars/u/%d", s.URL(), u.ID),
		"url": s.apiURL("/orgs/%s", u.Login), "description": nil,
	}
}

// ghRepo describes a repository; permissions are only told to who is signed in.
func (s *Server) ghRepo(r *repo, by caller) object {
	full := r.owner + "/" + r.name
	visibility := "public"
	if r.private {
		visibility = "private"
	}
	out := object{
		"id": r.id, "node_id": nodeID("Repository", r.id), "name": r.name, "full_name": full, "private": r.private, "visibility": visibility,
		"owner": s.ghUser(s.users[strings.ToLower(r.owner)]), "html_url": s.URL() + "/" + full, "clone_url": s.URL() + "/" + full + ".git",
		"url": s.apiURL("/repos/%s", full), "fork": false, "default_branch": r.defaultBranch, "archived": r.archived, "disabled": false, "has_issues": true,
	}
	if by.user != nil {
		push := s.mayWrite(r, by.user)
		out["permissions"] = object{"admin": false, "maintain": false, "push": push, "triage": push, "pull": true}
	}
	return out
}

// ghFork describes the repository that a pull request comes from.
func (s *Server) ghFork(i *issue) object {
	full := i.author.Login + "/" + i.repo.name
	return object{
		"id": i.id, "node_id": nodeID("Repository", i.id), "name": i.repo.name, "full_name": full, "private": i.repo.private,
		"owner": s.ghUser(i.author), "html_url": s.URL() + "/" + full, "clone_url": s.URL() + "/" + full + ".git",
		"url": s.apiURL("/repos/%s", full), "fork": true, "default_branch": i.repo.defaultBranch,
	}
}

func (s *Server) ghPull(i *issue, by caller) object {
	p, full := i.pull, i.repo.owner+"/"+i.repo.name
	head := object{"label": i.author.Login + ":" + p.branch, "ref": p.branch, "sha": p.head, "user": s.ghUser(i.author), "repo": nil}
	if !p.forkGone {
		head["repo"] = s.ghFork(i)
	}
	base := object{
		"label": i.repo.owner + ":" + p.base, "ref": p.base, "sha": s.head(i.repo, "refs/heads/"+p.base),
		"user": s.ghUser(s.users[strings.ToLower(i.repo.owner)]), "repo": s.ghRepo(i.repo, by),
	}
	out := s.ghIssueBody(i, by)
	for k, v := range (object{
		"url": s.apiURL("/repos/%s/pulls/%d", full, i.number), "node_id": nodeID("PullRequest", i.id), "issue_url": s.apiURL("/repos/%s/issues/%d", full, i.number),
		"head": head, "base": base, "draft": p.draft, "merged": p.merged, "merged_at": nil, "merge_commit_sha": nil, "mergeable": nil, "commits": len(p.pushes),
	}) {
		out[k] = v
	}
	if p.merged {
		out["merged_at"], out["merge_commit_sha"] = stamp(i.updated), p.merge
	}
	return out
}

// ghIssueBody is what an issue and a pull request have in common.
func (s *Server) ghIssueBody(i *issue, by caller) object {
	full := i.repo.owner + "/" + i.repo.name
	out := object{
		"id": i.id, "node_id": nodeID("Issue", i.id), "number": i.number, "title": i.title, "body": i.body, "user": s.ghUser(i.author),
		"state": state(i), "locked": i.locked, "active_lock_reason": nil, "comments": len(i.comments),
		"url": s.apiURL("/repos/%s/issues/%d", full, i.number), "comments_url": s.apiURL("/repos/%s/issues/%d/comments", full, i.number),
		"html_url": s.issueURL(i), "created_at": stamp(i.created), "updated_at": stamp(i.updated), "closed_at": nil,
		"author_association": s.association(i.repo, i.author, by), "labels": []object{}, "assignees": []object{},
	}
	if !i.open {
		out["closed_at"] = stamp(i.updated)
	}
	return out
}

func (s *Server) ghIssue(i *issue, by caller) object {
	out := s.ghIssueBody(i, by)
	out["repository_url"] = s.apiURL("/repos/%s/%s", i.repo.owner, i.repo.name)
	out["state_reason"] = nil
	if i.pull != nil {
		address := s.apiURL("/repos/%s/%s/pulls/%d", i.repo.owner, i.repo.name, i.number)
		out["draft"] = i.pull.draft
		out["pull_request"] = object{"url": address, "html_url": s.issueURL(i), "diff_url": s.issueURL(i) + ".diff", "patch_url": s.issueURL(i) + ".patch", "merged_at": nil}
	}
	return out
}

func (s *Server) ghComment(k *comment, by caller) object {
	full := k.issue.repo.owner + "/" + k.issue.repo.name
	address := s.apiURL("/repos/%s/issues/comments/%d", full, k.id)
	out := object{
		"id": k.id, "node_id": nodeID("IssueComment", k.id), "url": address, "html_url": s.commentURL(k), "issue_url": s.apiURL("/repos/%s/issues/%d", full, k.issue.number),
		"user": s.ghUser(k.author), "body": k.body, "created_at": stamp(k.created), "updated_at": stamp(k.updated),
		"author_association": s.association(k.issue.repo, k.author, by), "reactions": ghReactions(k, address), "performed_via_github_app": nil,
	}
	if k.author.bot {
		out["performed_via_github_app"] = s.ghAppOf(k.author)
	}
	return out
}

func ghReactions(k *comment, address string) object {
	out := object{"url": address + "/reactions", "total_count": len(k.reactions)}
	for _, content := range allowedReactions {
		out[content] = 0
	}
	for _, r := range k.reactions {
		out[r.content] = out[r.content].(int) + 1
	}
	return out
}

// association is what GitHub tells one of another: nobody shows that they are a member,
// so that only members learn it.
func (s *Server) association(r *repo, of *user, by caller) string {
	inside := by.user != nil && s.member(r.owner, by.user.Login) != "" || by.grant != nil && by.grant.covers(r)
	if inside && s.member(r.owner, of.Login) != "" {
		return "MEMBER"
	}
	return "NONE"
}

func (s *Server) ghStatus(r *repo, st *status) object {
	return object{
		"id": st.id, "node_id": nodeID("StatusContext", st.id), "url": s.apiURL("/repos/%s/%s/statuses/%s", r.owner, r.name, st.commit), "avatar_url": fmt.Sprintf("%s/avatars/u/%d", s.URL(), st.by.ID),
		"state": st.State, "context": st.Context, "description": orNull(st.Description), "target_url": orNull(st.TargetURL),
		"creator": s.ghUser(st.by), "created_at": stamp(st.created), "updated_at": stamp(st.created),
	}
}

func (s *Server) ghCommit(r *repo, g gitCommit) object {
	full := r.owner + "/" + r.name
	parents := []object{}
	for _, p := range g.parents {
		parents = append(parents, object{"sha": p, "url": s.apiURL("/repos/%s/commits/%s", full, p), "html_url": s.URL() + "/" + full + "/commit/" + p})
	}
	return object{
		"sha": g.sha, "node_id": base64.StdEncoding.EncodeToString([]byte("06:Commit" + g.sha)), "url": s.apiURL("/repos/%s/commits/%s", full, g.sha),
		"html_url": s.URL() + "/" + full + "/commit/" + g.sha, "author": nil, "committer": nil, "parents": parents,
		"commit": object{
			"author": g.author.shape(), "committer": g.committer.shape(), "message": g.message,
			"tree": object{"sha": g.tree, "url": s.apiURL("/repos/%s/git/trees/%s", full, g.tree)},
			"url":  s.apiURL("/repos/%s/git/commits/%s", full, g.sha), "comment_count": 0,
		},
	}
}

func (g signature) shape() object {
	return object{"name": g.name, "email": g.email, "date": stamp(g.at)}
}

// stamp is a time as GitHub writes it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// orNull gives null for the empty text.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
