package gitea

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	sdk "code.gitea.io/sdk/gitea"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// PullRequest returns a pull request as it is now. Its head is the fork's branch at
// this moment: the forge notes a push in the timeline, and moves its own reference,
// a little later.
func (f *Forge) PullRequest(ctx context.Context, repo forge.Repo, n int) (forge.PullRequest, error) {
	client, err := f.client(ctx, "pull")
	if err != nil {
		return forge.PullRequest{}, err
	}
	raw, _, err := client.GetPullRequest(repo.Owner, repo.Name, int64(n))
	if err != nil {
		return forge.PullRequest{}, adapter.Failed(err, "read pull request %s#%d", repo, n)
	}
	if raw.Index != int64(n) || raw.Head == nil || raw.Base == nil || raw.Base.Repository == nil {
		return forge.PullRequest{}, fmt.Errorf("cannot read pull request %s#%d: the answer describes none", repo, n)
	}
	from := ""
	if raw.Head.Repository != nil {
		from = raw.Head.Repository.FullName
	}
	return forge.PullRequest{
		Repo:       repo,
		HeadRepo:   from,
		Draft:      raw.Draft,
		Locked:     raw.IsLocked,
		Private:    hidden(raw.Base.Repository),
		Number:     n,
		Title:      raw.Title,
		Author:     f.person(raw.Poster),
		Open:       raw.State == sdk.StateOpen,
		Merged:     raw.HasMerged,
		Head:       raw.Head.Sha,
		HeadRef:    fmt.Sprintf("refs/pull/%d/head", n),
		HeadBranch: raw.Head.Name,
		Base:       raw.Base.Ref,
		CloneURL:   raw.Base.Repository.CloneURL,
		URL:        raw.HTMLURL,
	}, nil
}

// hidden says whether one has to sign in to read a repository: it is private itself, or its
// owner is not shown to everybody.
func hidden(r *sdk.Repository) bool {
	return r.Private || r.Internal || r.Owner != nil && r.Owner.Visibility != "" && r.Owner.Visibility != sdk.VisibleTypePublic
}

// mostShort is how many pages without anything end a timeline. The server leaves
// entries out of a page after counting them, so a page may be short although more
// pages follow.
const mostShort = 2

// Pushes returns the changes of a pull request's head since then, oldest first, and
// before them the last one earlier, if there is one. The last entry of all should
// lead to the head that PullRequest returned; where it does not, the forge has not yet
// noted when that head came, and nobody should rely on its age.
func (f *Forge) Pushes(ctx context.Context, repo forge.Repo, n int, since time.Time) ([]forge.Push, error) {
	var all []forge.Push
	empty, reviewed := 0, false
	for page := 1; page <= mostPages; page++ {
		client, err := f.client(ctx, "timeline")
		if err != nil {
			return nil, err
		}
		entries, _, err := client.ListIssueTimeline(repo.Owner, repo.Name, int64(n), sdk.ListIssueCommentOptions{
			ListOptions: sdk.ListOptions{Page: page, PageSize: pageSize},
		})
		if err != nil {
			return nil, adapter.Failed(err, "read the timeline of %s#%d", repo, n)
		}
		for _, e := range entries {
			if e == nil {
				continue
			}
			reviewed = reviewed || e.Type == "review"
			if e.Type == "pull_push" {
				all = append(all, push(e))
			}
		}
		switch {
		case len(entries) == 0:
			empty++
		case len(entries) < pageSize && !reviewed:
			return adapter.Latest(all, since), nil // comments in a review are what the server leaves out
		default:
			empty = 0
		}
		if empty == mostShort {
			return adapter.Latest(all, since), nil
		}
	}
	return nil, fmt.Errorf("cannot read the timeline of %s#%d: it did not end after %d pages", repo, n, mostPages)
}

// push reads an entry. A forced push names the heads before and after; a plain one the
// commits that it added, the newest last.
func push(e *sdk.TimelineComment) forge.Push {
	p := forge.Push{ID: e.ID, At: e.Created.UTC()}
	var content struct {
		Forced  bool     `json:"is_force_push"`
		Commits []string `json:"commit_ids"`
	}
	if json.Unmarshal([]byte(e.Body), &content) != nil || len(content.Commits) == 0 {
		return p
	}
	p.After = content.Commits[len(content.Commits)-1]
	if content.Forced && len(content.Commits) == 2 {
		p.Before = content.Commits[0]
	}
	return p
}
