package gitea

import (
	"context"
	"fmt"
	"strings"

	sdk "code.gitea.io/sdk/gitea"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// mostIssuePages bounds the search for an issue of ours: a thousand of one author.
const mostIssuePages = 20

// CreateIssue opens an issue and returns its number. After an error it may be there all
// the same, if the answer got lost: look with FindIssue before opening another.
func (f *Forge) CreateIssue(ctx context.Context, repo forge.Repo, title, body string) (int, error) {
	client, err := f.client(ctx, "issue")
	if err != nil {
		return 0, err
	}
	made, _, err := client.CreateIssue(repo.Owner, repo.Name, sdk.CreateIssueOption{Title: title, Body: body})
	if err != nil {
		return 0, adapter.Failed(err, "open an issue in %s", repo)
	}
	if made.Index == 0 {
		return 0, fmt.Errorf("cannot open an issue in %s: the answer names no issue", repo)
	}
	return int(made.Index), nil
}

// EditIssue makes title, text and state of an issue what is given. The error wraps
// forge.ErrNotFound where there is no such issue any more.
func (f *Forge) EditIssue(ctx context.Context, repo forge.Repo, number int, title, body string, open bool) error {
	client, err := f.client(ctx, "issue")
	if err != nil {
		return err
	}
	state := sdk.StateClosed
	if open {
		state = sdk.StateOpen
	}
	_, _, err = client.EditIssue(repo.Owner, repo.Name, int64(number), sdk.EditIssueOption{Title: title, Body: &body, State: &state})
	return adapter.Failed(err, "edit issue %d of %s", number, repo)
}

// FindIssue finds the newest issue by an author, open or closed, whose text contains the
// marker. Pull requests are not looked at.
func (f *Forge) FindIssue(ctx context.Context, repo forge.Repo, marker string, author forge.Person) (forge.Issue, bool, error) {
	for page := 1; page <= mostIssuePages; page++ {
		client, err := f.client(ctx, "find")
		if err != nil {
			return forge.Issue{}, false, err
		}
		// The newest first.
		list, _, err := client.ListRepoIssues(repo.Owner, repo.Name, sdk.ListIssueOption{
			ListOptions: sdk.ListOptions{Page: page, PageSize: pageSize}, State: sdk.StateAll, Type: sdk.IssueTypeIssue, CreatedBy: author.Login,
		})
		if err != nil {
			return forge.Issue{}, false, adapter.Failed(err, "list the issues of %s", repo)
		}
		var newest *sdk.Issue
		for _, i := range list {
			ours := i != nil && i.PullRequest == nil && i.Poster != nil && i.Poster.ID == author.ID && strings.Contains(i.Body, marker)
			if ours && (newest == nil || i.Index > newest.Index) { // within a second they come in no order
				newest = i
			}
		}
		if newest != nil {
			return forge.Issue{
				Repo: repo, Number: int(newest.Index), Title: newest.Title, Body: newest.Body,
				Open: newest.State == sdk.StateOpen, URL: newest.HTMLURL,
			}, true, nil
		}
		if len(list) < pageSize {
			break
		}
	}
	return forge.Issue{}, false, nil
}
