package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	sdk "github.com/google/go-github/v60/github"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// latestCommits is how much of a default branch is looked at.
const latestCommits = 50

func (f *Forge) repository(ctx context.Context, repo forge.Repo) (*sdk.Repository, error) {
	var r sdk.Repository
	if _, err := f.ask(ctx, http.MethodGet, pathOf(repo), nil, &r); err != nil {
		return nil, adapter.Failed(err, "read the repository %s", repo)
	}
	if r.GetDefaultBranch() == "" {
		return nil, fmt.Errorf("cannot read the repository %s: the answer names no default branch", repo)
	}
	return &r, nil
}

// DefaultBranch returns the name of a repository's default branch and the trees of its
// latest commits, newest first; no trees for an empty repository. While nothing moves
// it costs nothing of the limit.
func (f *Forge) DefaultBranch(ctx context.Context, repo forge.Repo) (string, []forge.Tree, error) {
	ctx = about(ctx, "branch", repo)
	r, err := f.repository(ctx, repo)
	if err != nil {
		return "", nil, err
	}
	name := r.GetDefaultBranch()
	query := url.Values{"sha": {name}, "per_page": {strconv.Itoa(latestCommits)}}
	var list []*sdk.RepositoryCommit
	_, err = f.ask(ctx, http.MethodGet, pathOf(repo)+"/commits?"+query.Encode(), nil, &list)
	if answer, ok := errors.AsType[*adapter.Error](err); ok && answer.Status == http.StatusConflict {
		return name, nil, nil // empty
	}
	if err != nil {
		return "", nil, adapter.Failed(err, "look up the branch %s of %s", name, repo)
	}
	var trees []forge.Tree
	for _, c := range list {
		t := forge.Tree{Commit: c.GetSHA(), Tree: c.GetCommit().GetTree().GetSHA(), At: c.GetCommit().GetCommitter().GetDate().UTC()}
		if t.Commit == "" || t.Tree == "" {
			return "", nil, fmt.Errorf("cannot look up the branch %s of %s: the answer names a commit without its tree", name, repo)
		}
		trees = append(trees, t)
	}
	return name, trees, nil
}

// Branch returns a branch as it is now; without a name the default one, which has no
// head in an empty repository. The error wraps forge.ErrNotFound if there is none.
func (f *Forge) Branch(ctx context.Context, repo forge.Repo, name string) (forge.Branch, error) {
	ctx = about(ctx, "branch", repo)
	r, err := f.repository(ctx, repo)
	if err != nil {
		return forge.Branch{}, err
	}
	asked := name
	name = cmp.Or(name, r.GetDefaultBranch())
	b := forge.Branch{
		Repo: repo, Name: name, CloneURL: r.GetCloneURL(), Private: r.GetPrivate(),
		URL: r.GetHTMLURL() + "/tree/" + (&url.URL{Path: name}).EscapedPath(),
	}
	var found sdk.Branch
	_, err = f.ask(ctx, http.MethodGet, pathOf(repo)+"/branches/"+segment(name), nil, &found)
	if answer, ok := errors.AsType[*adapter.Error](err); ok && asked == "" && errors.Is(answer, forge.ErrNotFound) {
		return b, nil // empty
	}
	if err != nil {
		return forge.Branch{}, adapter.Failed(err, "look up the branch %s of %s", name, repo)
	}
	if b.Head = found.GetCommit().GetSHA(); b.Head == "" {
		return forge.Branch{}, fmt.Errorf("cannot look up the branch %s of %s: the answer names no commit", name, repo)
	}
	return b, nil
}
