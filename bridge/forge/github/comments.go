package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	sdk "github.com/google/go-github/v60/github"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// comment turns a comment into ours; ok is false if it is not on a pull request.
func (f *Forge) comment(raw *sdk.IssueComment, repo forge.Repo) (forge.Comment, bool) {
	pull, ok := pullIn(raw.GetHTMLURL())
	if !ok {
		return forge.Comment{}, false
	}
	return forge.Comment{
		Repo:    repo,
		Pull:    pull,
		ID:      raw.GetID(),
		Author:  f.person(raw.User),
		Body:    raw.GetBody(),
		Created: raw.GetCreatedAt().UTC(),
		Updated: raw.GetUpdatedAt().UTC(),
		URL:     raw.GetHTMLURL(),
	}, true
}

// pullIn reads the number in .../pull/7#issuecomment-1. A comment on an issue has
// .../issues/7 there.
func pullIn(address string) (int, bool) {
	u, err := url.Parse(address)
	if err != nil {
		return 0, false
	}
	parts := strings.Split(u.Path, "/")
	if len(parts) < 2 || parts[len(parts)-2] != "pull" {
		return 0, false
	}
	n, err := strconv.Atoi(parts[len(parts)-1])
	return n, err == nil && n > 0
}

// React adds a reaction to a comment. Adding one that is there changes nothing.
func (f *Forge) React(ctx context.Context, repo forge.Repo, comment int64, reaction string) error {
	path := fmt.Sprintf("%s/issues/comments/%d/reactions", pathOf(repo), comment)
	_, err := f.ask(about(ctx, "react", repo), http.MethodPost, path, map[string]string{"content": reaction}, nil)
	return adapter.Failed(err, "react to comment %d of %s", comment, repo)
}

// CreateComment writes a comment on a pull request. After an error it may be there
// all the same, if the answer got lost: look with FindComment before writing again.
func (f *Forge) CreateComment(ctx context.Context, repo forge.Repo, pull int, body string) (int64, error) {
	var made sdk.IssueComment
	path := fmt.Sprintf("%s/issues/%d/comments", pathOf(repo), pull)
	if _, err := f.ask(about(ctx, "comment", repo), http.MethodPost, path, sdk.IssueComment{Body: &body}, &made); err != nil {
		return 0, adapter.Failed(err, "comment on %s#%d", repo, pull)
	}
	if made.GetID() == 0 {
		return 0, fmt.Errorf("cannot comment on %s#%d: the answer names no comment", repo, pull)
	}
	return made.GetID(), nil
}

// EditComment replaces the text of a comment. The error wraps forge.ErrNotFound when
// somebody deleted it.
func (f *Forge) EditComment(ctx context.Context, repo forge.Repo, id int64, body string) error {
	path := fmt.Sprintf("%s/issues/comments/%d", pathOf(repo), id)
	_, err := f.ask(about(ctx, "edit", repo), http.MethodPatch, path, sdk.IssueComment{Body: &body}, nil)
	return adapter.Failed(err, "edit comment %d of %s", id, repo)
}

// FindComment finds the first comment by an author on a pull request whose text
// contains the marker. With several Apps a comment by any of them is one by their
// common person.
func (f *Forge) FindComment(ctx context.Context, repo forge.Repo, pull int, marker string, author forge.Person) (id int64, found bool, err error) {
	if err := f.knowBots(ctx); err != nil {
		return 0, false, err
	}
	path := fmt.Sprintf("%s/issues/%d/comments", pathOf(repo), pull)
	list, _, err := whole(about(ctx, "find", repo), f, path, url.Values{}, sameComment)
	if err != nil {
		return 0, false, adapter.Failed(err, "list the comments of %s#%d", repo, pull)
	}
	for _, c := range list {
		if c != nil && f.person(c.User).ID == author.ID && strings.Contains(c.GetBody(), marker) {
			return c.GetID(), true, nil
		}
	}
	return 0, false, nil
}
