package gitea

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"

	sdk "code.gitea.io/sdk/gitea"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// comment turns a comment into ours; ok is false if it is not on a pull request.
func (f *Forge) comment(raw *sdk.Comment, repo forge.Repo) (forge.Comment, bool) {
	pull, ok := numberIn(raw.PRURL)
	if !ok {
		return forge.Comment{}, false
	}
	return forge.Comment{
		Repo:    repo,
		Pull:    pull,
		ID:      raw.ID,
		Author:  f.person(raw.Poster),
		Body:    raw.Body,
		Created: raw.Created.UTC(),
		Updated: raw.Updated.UTC(),
		URL:     raw.HTMLURL,
	}, true
}

// numberIn reads the number at the end of .../pulls/7.
func numberIn(address string) (int, bool) {
	u, err := url.Parse(address)
	if err != nil || address == "" {
		return 0, false
	}
	n, err := strconv.Atoi(path.Base(u.Path))
	return n, err == nil && n > 0
}

// React adds a reaction to a comment. Adding one that is there changes nothing.
func (f *Forge) React(ctx context.Context, repo forge.Repo, comment int64, reaction string) error {
	client, err := f.client(ctx, "react")
	if err != nil {
		return err
	}
	_, _, err = client.PostIssueCommentReaction(repo.Owner, repo.Name, comment, reaction)
	return adapter.Failed(err, "react to comment %d of %s", comment, repo)
}

// CreateComment writes a comment on a pull request. After an error it may be there
// all the same, if the answer got lost: look with FindComment before writing again.
func (f *Forge) CreateComment(ctx context.Context, repo forge.Repo, pull int, body string) (int64, error) {
	client, err := f.client(ctx, "comment")
	if err != nil {
		return 0, err
	}
	made, _, err := client.CreateIssueComment(repo.Owner, repo.Name, int64(pull), sdk.CreateIssueCommentOption{Body: body})
	if err != nil {
		return 0, adapter.Failed(err, "comment on %s#%d", repo, pull)
	}
	if made.ID == 0 {
		return 0, fmt.Errorf("cannot comment on %s#%d: the answer names no comment", repo, pull)
	}
	return made.ID, nil
}

// EditComment replaces the text of a comment. The error wraps forge.ErrNotFound when
// somebody deleted it.
func (f *Forge) EditComment(ctx context.Context, repo forge.Repo, id int64, body string) error {
	client, err := f.client(ctx, "edit")
	if err != nil {
		return err
	}
	_, _, err = client.EditIssueComment(repo.Owner, repo.Name, id, sdk.EditIssueCommentOption{Body: body})
	return adapter.Failed(err, "edit comment %d of %s", id, repo)
}

// FindComment finds the first comment by an author on a pull request whose text
// contains the marker.
func (f *Forge) FindComment(ctx context.Context, repo forge.Repo, pull int, marker string, author forge.Person) (id int64, found bool, err error) {
	client, err := f.client(ctx, "find")
	if err != nil {
		return 0, false, err
	}
	// This list has no pages: Gitea gives it in one piece.
	list, _, err := client.ListIssueComments(repo.Owner, repo.Name, int64(pull), sdk.ListIssueCommentOptions{ListOptions: sdk.ListOptions{Page: -1}})
	if err != nil {
		return 0, false, adapter.Failed(err, "list the comments of %s#%d", repo, pull)
	}
	for _, c := range list {
		if c != nil && c.Poster != nil && c.Poster.ID == author.ID && strings.Contains(c.Body, marker) {
			return c.ID, true, nil
		}
	}
	return 0, false, nil
}
