package github

import (
	"context"
	"fmt"
	"net/http"

	sdk "github.com/google/go-github/v60/github"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// PullRequest returns a pull request as it is now.
func (f *Forge) PullRequest(ctx context.Context, repo forge.Repo, n int) (forge.PullRequest, error) {
	raw, err := f.pull(ctx, "pull", repo, n)
	if err != nil {
		return forge.PullRequest{}, err
	}
	return forge.PullRequest{
		Repo:       repo,
		Number:     n,
		Title:      raw.GetTitle(),
		Author:     f.person(raw.User),
		Open:       raw.GetState() == "open",
		Merged:     raw.GetMerged(),
		Head:       raw.Head.GetSHA(),
		HeadRef:    fmt.Sprintf("refs/pull/%d/head", n),
		HeadBranch: raw.Head.GetRef(),
		HeadRepo:   raw.Head.Repo.GetFullName(),
		Base:       raw.Base.GetRef(),
		CloneURL:   raw.Base.Repo.GetCloneURL(),
		URL:        raw.GetHTMLURL(),
		Draft:      raw.GetDraft(),
		Locked:     raw.GetLocked(),
		Private:    raw.Base.Repo.GetPrivate(),
	}, nil
}

func (f *Forge) pull(ctx context.Context, kind string, repo forge.Repo, n int) (*sdk.PullRequest, error) {
	var raw sdk.PullRequest
	if _, err := f.ask(about(ctx, kind, repo), http.MethodGet, fmt.Sprintf("%s/pulls/%d", pathOf(repo), n), nil, &raw); err != nil {
		return nil, adapter.Failed(err, "read pull request %s#%d", repo, n)
	}
	if raw.GetNumber() != n || raw.Head == nil || raw.Base == nil || raw.Base.Repo == nil {
		return nil, fmt.Errorf("cannot read pull request %s#%d: the answer describes none", repo, n)
	}
	return &raw, nil
}
