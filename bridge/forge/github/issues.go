package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	sdk "github.com/google/go-github/v60/github"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// CreateIssue opens an issue and returns its number. After an error it may be there all
// the same, if the answer got lost: look with FindIssue before opening another.
func (f *Forge) CreateIssue(ctx context.Context, repo forge.Repo, title, body string) (int, error) {
	var made sdk.Issue
	in := sdk.IssueRequest{Title: &title, Body: &body}
	if _, err := f.ask(about(ctx, "issue", repo), http.MethodPost, pathOf(repo)+"/issues", in, &made); err != nil {
		return 0, adapter.Failed(err, "open an issue in %s", repo)
	}
	if made.GetNumber() == 0 {
		return 0, fmt.Errorf("cannot open an issue in %s: the answer names none", repo)
	}
	return made.GetNumber(), nil
}

// EditIssue replaces the title and the text of an issue, and opens or closes it.
func (f *Forge) EditIssue(ctx context.Context, repo forge.Repo, number int, title, body string, open bool) error {
	state := "closed"
	if open {
		state = "open"
	}
	in := sdk.IssueRequest{Title: &title, Body: &body, State: &state}
	_, err := f.ask(about(ctx, "issue", repo), http.MethodPatch, fmt.Sprintf("%s/issues/%d", pathOf(repo), number), in, nil)
	return adapter.Failed(err, "edit issue %s#%d", repo, number)
}

// FindIssue finds the newest issue by an author, open or closed, whose text contains
// the marker. Pull requests are none.
func (f *Forge) FindIssue(ctx context.Context, repo forge.Repo, marker string, author forge.Person) (forge.Issue, bool, error) {
	if err := f.knowBots(ctx); err != nil {
		return forge.Issue{}, false, err
	}
	query := url.Values{"state": {"all"}, "sort": {"created"}, "direction": {"desc"}}
	if f.apps == nil {
		query.Set("creator", author.Login) // several Apps are one person with several logins
	}
	fits := func(i *sdk.Issue) bool {
		return i != nil && !i.IsPullRequest() && f.person(i.User).ID == author.ID && strings.Contains(i.GetBody(), marker)
	}
	list, _, _, err := pages(about(ctx, "issue", repo), f, pathOf(repo)+"/issues", query, func(page []*sdk.Issue) bool { return slices.ContainsFunc(page, fits) })
	if err != nil {
		return forge.Issue{}, false, adapter.Failed(err, "list the issues of %s", repo)
	}
	at := slices.IndexFunc(list, fits)
	if at < 0 {
		return forge.Issue{}, false, nil
	}
	i := list[at]
	return forge.Issue{Repo: repo, Number: i.GetNumber(), Title: i.GetTitle(), Body: i.GetBody(), Open: i.GetState() == "open", URL: i.GetHTMLURL()}, true, nil
}
