package github

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
	"seatrial/recipes/git"
)

// bearer is a signer whose token git takes, too. An App in its own name is none.
type bearer interface {
	bearer(ctx context.Context) (string, error)
}

// Mirror brings a bare copy of a repository up to date in a folder, which is made where it
// is missing: all branches and tags, without those that are gone, and the given references
// besides, such as refs/pull/7/head. Calls for one folder take turns, also those of other
// processes. It goes to the forge's configured address with the token, which is in the
// environment of that git alone: nothing in the folder has it, and no error. An App needs
// the permission Contents for it.
func (f *Forge) Mirror(ctx context.Context, repo forge.Repo, dir string, refs ...string) error {
	authorization, err := f.authorization(ctx, repo)
	if err != nil {
		return adapter.Failed(err, "copy the repository %s", repo)
	}
	f.wire.Count(adapter.WithKind(ctx, "git"))
	// Our own address, not one that an answer names: the token goes nowhere else.
	from := f.url + "/" + url.PathEscape(repo.Owner) + "/" + url.PathEscape(repo.Name) + ".git"
	g := git.Git{Authorization: authorization}
	if _, err := g.MirrorInto(ctx, from, dir, refs...); err != nil {
		return fmt.Errorf("cannot copy the repository %s: %w", repo, err)
	}
	return nil
}

// authorization is how git shows the token for a repository: GitHub wants it as a password.
func (f *Forge) authorization(ctx context.Context, repo forge.Repo) (string, error) {
	home, err := f.wire.home(ctx, aim{owner: repo.Owner, repo: repo.Name})
	if err != nil {
		return "", err
	}
	by, ok := home.signer.(bearer)
	if !ok {
		return "", errors.New("it is nobody's who may read repositories")
	}
	token, err := by.bearer(ctx)
	if err != nil || token == "" {
		return "", err
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+token)), nil
}
