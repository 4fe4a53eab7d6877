package forgetest

import (
	"fmt"
	"strings"
	"time"
)

// What happens, as webhooks tell it. Gitea's words differ from GitHub's in places.

// saidComment tells that a comment was created, edited or deleted. before is its text
// before an edit.
func (s *Server) saidComment(k *comment, by *user, action, before string) {
	kind := hookKind{event: "issue_comment", action: action}
	if k.issue.pull != nil {
		kind.subscription = "pull_request_comment"
	}
	s.announce(k.issue.repo, kind, func() object {
		var out object
		if s.kind == GitHub {
			out = s.ghEvent(k.issue.repo, by, object{"issue": s.ghIssue(k.issue, caller{}), "comment": s.ghComment(k, caller{})})
		} else {
			out = s.giteaEvent(k.issue.repo, by, object{"issue": s.asIssue(k.issue), "comment": s.asComment(k), "is_pull": k.issue.pull != nil})
			if k.issue.pull != nil {
				out["pull_request"] = s.asPull(k.issue)
			}
		}
		out["action"] = action
		if action == "edited" {
			out["changes"] = object{"body": object{"from": before}}
		}
		return out
	})
}

// saidPull tells of a pull request: opened, synchronize, closed, reopened. For
// synchronize the head before is given.
func (s *Server) saidPull(i *issue, by *user, action, before string) {
	kind := hookKind{event: "pull_request", action: action}
	if s.kind != GitHub && action == "synchronize" {
		kind.action, kind.subscription = "synchronized", "pull_request_sync"
	}
	s.announce(i.repo, kind, func() object {
		if s.kind != GitHub {
			return s.giteaEvent(i.repo, by, object{
				"action": kind.action, "number": i.number, "pull_request": s.asPull(i), "requested_reviewer": nil, "commit_id": "", "review": nil,
			})
		}
		out := s.ghEvent(i.repo, by, object{"action": action, "number": i.number, "pull_request": s.ghPull(i, caller{})})
		if action == "synchronize" {
			out["before"], out["after"] = before, i.pull.head
		}
		return out
	})
}

// saidPush tells that a branch of the repository itself has moved.
func (s *Server) saidPush(r *repo, m *move) {
	s.announce(r, hookKind{event: "push"}, func() object {
		by := m.by
		if by == nil {
			by = s.users[strings.ToLower(r.owner)]
		}
		var head any
		commits := []object{}
		if found, err := s.commits(r, 0, 20, m.after, "^"+m.before); err == nil && m.before != noCommit {
			for _, g := range found {
				commits = append([]object{s.hookCommit(r, g)}, commits...)
			}
		}
		if found, ok := s.commit(r, m.after); ok {
			head = s.hookCommit(r, found)
		}
		compare := fmt.Sprintf("%s/%s/%s/compare/%s...%s", s.URL(), r.owner, r.name, m.before[:12], m.after[:12])
		out := object{"ref": m.ref, "before": m.before, "after": m.after, "commits": commits, "head_commit": head}
		if s.kind != GitHub {
			out["compare_url"], out["total_commits"], out["pusher"] = compare, len(commits), asUser(by)
			return s.giteaEvent(r, by, out)
		}
		out["created"], out["deleted"], out["forced"], out["base_ref"], out["compare"] = m.before == noCommit, false, m.kind == "force_push", nil, compare
		out["pusher"] = object{"name": by.Login, "email": by.Login + "@localhost"}
		return s.ghEvent(r, by, out)
	})
}

func (s *Server) hookCommit(r *repo, g gitCommit) object {
	person := func(p signature) object { return object{"name": p.name, "email": p.email, "username": ""} }
	out := object{
		"id": g.sha, "message": g.message, "timestamp": g.committer.at.Format(time.RFC3339), "url": fmt.Sprintf("%s/%s/%s/commit/%s", s.URL(), r.owner, r.name, g.sha),
		"author": person(g.author), "committer": person(g.committer), "added": []string{}, "removed": []string{}, "modified": []string{},
	}
	if s.kind == GitHub {
		out["tree_id"], out["distinct"] = g.tree, true
	} else {
		out["verification"] = nil
	}
	return out
}

func (s *Server) giteaEvent(r *repo, by *user, more object) object {
	more["repository"], more["sender"] = s.asRepo(r), asUser(by)
	return more
}

func (s *Server) ghEvent(r *repo, by *user, more object) object {
	more["repository"], more["sender"] = s.ghRepo(r, caller{}), s.ghUser(by)
	if o := s.orgs[strings.ToLower(r.owner)]; o != nil {
		more["organization"] = s.ghOrg(o)
	}
	return more
}

func (s *Server) ghPing(h *hook) object {
	address := s.apiURL("/repos/%s/%s/hooks/%d", h.repo.owner, h.repo.name, h.id)
	return s.ghEvent(h.repo, s.users[strings.ToLower(h.repo.owner)], object{
		"zen": "Keep it logically awesome.", "hook_id": h.id,
		"hook": object{
			"type": "Repository", "id": h.id, "name": "web", "active": true, "events": []string{"issue_comment", "merge_group", "pull_request", "push"},
			"config": object{"content_type": "json", "insecure_ssl": "0", "url": h.url}, "url": address, "ping_url": address + "/pings", "test_url": address + "/test",
			"created_at": stamp(s.time()), "updated_at": stamp(s.time()),
		},
	})
}
