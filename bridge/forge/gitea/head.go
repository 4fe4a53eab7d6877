package gitea

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// Branch tells where a branch is now; an empty name means the default one. The error
// wraps forge.ErrNotFound where there is no such branch. The default branch of an empty
// repository is there, and has no head.
func (f *Forge) Branch(ctx context.Context, repo forge.Repo, name string) (forge.Branch, error) {
	if strings.Contains(name, "..") || strings.ContainsAny(name, "?\\") { // git has no such, and another path would be asked
		return forge.Branch{}, fmt.Errorf("cannot look up the branch %q of %s: %w: no branch can be called so", name, repo, forge.ErrNotFound)
	}
	client, err := f.client(ctx, "branch")
	if err != nil {
		return forge.Branch{}, err
	}
	r, _, err := client.GetRepo(repo.Owner, repo.Name)
	if err != nil {
		return forge.Branch{}, adapter.Failed(err, "read the repository %s", repo)
	}
	if r.DefaultBranch == "" || r.CloneURL == "" {
		return forge.Branch{}, fmt.Errorf("cannot read the repository %s: the answer names no default branch, or no address", repo)
	}
	found := forge.Branch{Repo: repo, Name: cmp.Or(name, r.DefaultBranch), CloneURL: r.CloneURL, Private: hidden(r)}
	found.URL = r.HTMLURL + "/src/branch/" + (&url.URL{Path: found.Name}).EscapedPath()
	if r.Empty && found.Name == r.DefaultBranch {
		return found, nil
	}
	b, _, err := client.GetRepoBranch(repo.Owner, repo.Name, found.Name)
	if err != nil {
		return forge.Branch{}, adapter.Failed(err, "look up the branch %s of %s", found.Name, repo)
	}
	if b.Commit == nil || b.Commit.ID == "" {
		return forge.Branch{}, fmt.Errorf("cannot look up the branch %s of %s: the answer names no commit", found.Name, repo)
	}
	found.Head = b.Commit.ID
	return found, nil
}
