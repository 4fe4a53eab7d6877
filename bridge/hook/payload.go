package hook

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"seatrial/internal/respond"
)

// payload is the part of all forges' payloads that is read. What is missing is empty;
// what is there and has another shape is an error.
type payload struct {
	Action  string  `json:"action"`
	Number  int     `json:"number"`
	Ref     string  `json:"ref"`
	After   string  `json:"after"`
	Deleted bool    `json:"deleted"`
	IsPull  bool    `json:"is_pull"`
	Repo    *repo   `json:"repository"`
	Sender  account `json:"sender"`
	Issue   *issue  `json:"issue"`
	Comment *struct {
		ID int64 `json:"id"`
	} `json:"comment"`
	Pull *struct {
		Head branch `json:"head"`
		Base branch `json:"base"`
	} `json:"pull_request"`
	Group *struct {
		HeadSHA string `json:"head_sha"`
		HeadRef string `json:"head_ref"`
		BaseRef string `json:"base_ref"`
	} `json:"merge_group"`
	Changes struct {
		Repository struct {
			Name struct {
				From string `json:"from"`
			} `json:"name"`
		} `json:"repository"`
		Owner struct {
			From struct {
				User         account `json:"user"`
				Organization account `json:"organization"`
			} `json:"from"`
		} `json:"owner"`
	} `json:"changes"`
}

type repo struct {
	FullName      string `json:"full_name"`
	DefaultBranch string `json:"default_branch"`
}

type account struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
}

type branch struct {
	Ref string `json:"ref"`
	SHA string `json:"sha"`
}

type issue struct {
	Number int       `json:"number"`
	Pull   *struct{} `json:"pull_request"`
}

// readers are by the name of the event. Gitea's name for a comment on a pull request is
// issue_comment, too; its pull_request_comment is a review, which is no command.
var readers = map[string]func(e *Event, p payload) error{
	"issue_comment": readComment,
	"pull_request":  readPull,
	"push":          readPush,
	"merge_group":   readMergeGroup,
	"repository":    readRepository,
	"ping":          func(e *Event, _ payload) error { e.Kind = Ping; return nil },
}

func readComment(e *Event, p payload) error {
	if p.Issue == nil || p.Comment == nil || p.Issue.Number <= 0 || p.Comment.ID <= 0 {
		return errors.New("it lacks the comment, or what was commented on")
	}
	e.Pull, e.CommentID = p.Issue.Number, p.Comment.ID
	switch {
	case !p.IsPull && p.Issue.Pull == nil:
		e.Pull, e.Reason = 0, "it is about an issue, not a pull request"
	case p.Action != "created":
		e.Reason = fmt.Sprintf("a comment counts when it is created, and this one was %s", past(p.Action))
	default:
		e.Kind = Comment
	}
	return nil
}

func past(action string) string {
	if action == "" {
		return "something else"
	}
	return respond.Brief(action)
}

func readPull(e *Event, p payload) error {
	if p.Number <= 0 || p.Pull == nil {
		return errors.New("it lacks the pull request")
	}
	e.Pull, e.Commit, e.Base = p.Number, p.Pull.Head.SHA, p.Pull.Base.Ref
	switch p.Action {
	case "synchronize", "synchronized", "closed", "reopened":
		e.Kind = Pull
	default:
		e.Reason = fmt.Sprintf("a pull request that was %s is the same to runs", past(p.Action))
	}
	return nil
}

func readPush(e *Event, p payload) error {
	if p.Ref == "" {
		return errors.New("it does not say what was pushed")
	}
	e.Ref, e.Commit, e.Base = p.Ref, p.After, p.Repo.DefaultBranch
	e.Deleted = p.Deleted || p.After != "" && strings.Trim(p.After, "0") == ""
	switch {
	case e.Deleted:
		e.Reason = "the branch or tag is gone"
	case e.Base != "" && e.Ref != "refs/heads/"+e.Base:
		e.Reason = "it is not about the default branch; the pull requests of a branch have hooks of their own"
	default:
		e.Kind = Push
	}
	return nil
}

func readMergeGroup(e *Event, p payload) error {
	if p.Group == nil || p.Group.HeadSHA == "" {
		return errors.New("it lacks the merge group")
	}
	e.Ref, e.Commit = p.Group.HeadRef, p.Group.HeadSHA
	e.Base = strings.TrimPrefix(p.Group.BaseRef, "refs/heads/")
	if p.Action == "checks_requested" {
		e.Kind = MergeGroup
	} else {
		e.Reason = fmt.Sprintf("a merge group that was %s needs no checks", past(p.Action))
	}
	return nil
}

// readRepository finds out what a repository was called before.
func readRepository(e *Event, p payload) error {
	e.Reason = fmt.Sprintf("a repository that was %s is the same to runs", past(p.Action))
	was := e.Repo
	switch p.Action {
	case "renamed":
		was.Name = p.Changes.Repository.Name.From
	case "transferred":
		was.Owner = cmp.Or(p.Changes.Owner.From.Organization.Login, p.Changes.Owner.From.User.Login)
	case "deleted", "archived":
		e.Notable, e.Reason = true, fmt.Sprintf("%s was %s, and no run can come of it: take its enrolment away", e.Repo, p.Action)
	}
	if old, ok := repoOf(e.Forge, was.String()); ok && old != e.Repo {
		e.Was = old
	}
	return nil
}
