package gitea

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	sdk "code.gitea.io/sdk/gitea"

	"seatrial/bridge/forge"
)

// SetStatus posts a commit status. It works for any commit that the repository holds,
// a pull request's head from a fork too.
func (f *Forge) SetStatus(ctx context.Context, repo forge.Repo, commit string, s forge.Status) error {
	client, err := f.client(ctx, "status")
	if err != nil {
		return err
	}
	_, _, err = client.CreateStatus(repo.Owner, repo.Name, commit, sdk.CreateStatusOption{
		State: sdk.StatusState(s.State), Context: s.Context, Description: s.Description, TargetURL: s.TargetURL,
	})
	return failed(err, "set the status %q of %.12s in %s", s.Context, commit, repo)
}

// mostStatusPages bounds the search for the last status of a context.
const mostStatusPages = 20

// LastStatus returns the status of a commit that counts for a context; ok is false if
// there is none.
func (f *Forge) LastStatus(ctx context.Context, repo forge.Repo, commit, statusContext string) (forge.Status, bool, error) {
	for page := 1; page <= mostStatusPages; page++ {
		client, err := f.client(ctx, "statuses")
		if err != nil {
			return forge.Status{}, false, err
		}
		list, _, err := client.ListStatuses(repo.Owner, repo.Name, commit, sdk.ListStatusesOption{
			ListOptions: sdk.ListOptions{Page: page, PageSize: pageSize},
		})
		if err != nil {
			return forge.Status{}, false, failed(err, "read the statuses of %.12s in %s", commit, repo)
		}
		// Newest second first, but in no order within a second: the number decides.
		var last *sdk.Status
		for _, s := range list {
			if s != nil && s.Context == statusContext && (last == nil || s.ID > last.ID) {
				last = s
			}
		}
		if last != nil {
			return forge.Status{State: forge.StatusState(last.State), Context: last.Context, Description: last.Description, TargetURL: last.TargetURL}, true, nil
		}
		if len(list) < pageSize {
			break
		}
	}
	return forge.Status{}, false, nil
}

// latestCommits is how much of a default branch is looked at.
const latestCommits = 50

// DefaultBranch returns the name of a repository's default branch and the trees of its
// latest commits, newest first; no trees for an empty repository.
func (f *Forge) DefaultBranch(ctx context.Context, repo forge.Repo) (string, []forge.Tree, error) {
	client, err := f.client(ctx, "branch")
	if err != nil {
		return "", nil, err
	}
	r, _, err := client.GetRepo(repo.Owner, repo.Name)
	if err != nil {
		return "", nil, failed(err, "read the repository %s", repo)
	}
	if r.DefaultBranch == "" {
		return "", nil, fmt.Errorf("cannot read the repository %s: the answer names no default branch", repo)
	}
	list, _, err := client.ListRepoCommits(repo.Owner, repo.Name, sdk.ListCommitOptions{
		ListOptions: sdk.ListOptions{Page: 1, PageSize: latestCommits}, SHA: r.DefaultBranch,
	})
	var answer *answerError
	if errors.As(err, &answer) && answer.status == http.StatusConflict { // an empty repository
		return r.DefaultBranch, nil, nil
	}
	if err != nil {
		return "", nil, failed(err, "list the commits of %s", repo)
	}
	trees := make([]forge.Tree, 0, len(list))
	for _, c := range list {
		if c == nil || c.CommitMeta == nil || c.RepoCommit == nil || c.RepoCommit.Tree == nil {
			continue
		}
		trees = append(trees, forge.Tree{Commit: c.SHA, Tree: c.RepoCommit.Tree.SHA, At: c.Created.UTC()})
	}
	return r.DefaultBranch, trees, nil
}
