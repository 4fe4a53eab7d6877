package gitea

import (
	"context"
	"fmt"
	"net/url"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
	"seatrial/recipes/git"
)

// Mirror brings a bare copy of a repository up to date in a folder, which is made where it
// is missing: all branches and tags, without those that are gone, and the given references
// besides, such as refs/pull/7/head. Calls for one folder take turns, also those of other
// processes. It goes to the forge's configured address with the token, which is in the
// environment of that git alone: nothing in the folder has it, and no error.
func (f *Forge) Mirror(ctx context.Context, repo forge.Repo, dir string, refs ...string) error {
	f.wire.Count(adapter.WithKind(ctx, "git"))
	if _, err := f.git().MirrorInto(ctx, f.cloneURL(repo), dir, refs...); err != nil {
		return fmt.Errorf("cannot copy the repository %s: %w", repo, err)
	}
	return nil
}

// git runs git with the token, over HTTP alone, and follows nobody elsewhere.
func (f *Forge) git() *git.Git {
	g := &git.Git{}
	if token := f.wire.token(); token != "" {
		g.Authorization = "token " + token
	}
	return g
}

// cloneURL is our own address, not one that an answer names: the token goes nowhere else.
func (f *Forge) cloneURL(repo forge.Repo) string {
	return f.url + "/" + url.PathEscape(repo.Owner) + "/" + url.PathEscape(repo.Name) + ".git"
}
