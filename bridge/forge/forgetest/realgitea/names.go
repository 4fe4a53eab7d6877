package realgitea

import (
	"fmt"
	"strings"

	sdk "code.gitea.io/sdk/gitea"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
)

// RenameUser gives somebody another login. The number stays.
func (g *Gitea) RenameUser(login, to string) error {
	if _, err := g.admin.AdminRenameUser(login, sdk.RenameUserOption{NewUsername: to}); err != nil {
		return fmt.Errorf("cannot rename %s: %w", login, err)
	}
	return nil
}

// RenameRepo gives a repository another name, or another organisation.
func (g *Gitea) RenameRepo(at forge.Repo, owner, name string) (forge.Repo, error) {
	if owner != at.Owner {
		if _, _, err := g.admin.TransferRepo(at.Owner, at.Name, sdk.TransferRepoOption{NewOwner: owner}); err != nil {
			return forge.Repo{}, fmt.Errorf("cannot transfer %s: %w", at, err)
		}
	}
	if name != at.Name {
		if _, _, err := g.admin.EditRepo(owner, at.Name, sdk.EditRepoOption{Name: &name}); err != nil {
			return forge.Repo{}, fmt.Errorf("cannot rename %s: %w", at, err)
		}
	}
	return forge.Repo{Forge: forgetest.ForgeID, Owner: owner, Name: name}, nil
}

// SetDraft makes a pull request a draft, or ready, which in Gitea is a matter of its title.
func (g *Gitea) SetDraft(at forge.Repo, n int, draft bool) error {
	const prefix = "WIP: "
	pull, _, err := g.admin.GetPullRequest(at.Owner, at.Name, int64(n))
	if err != nil {
		return err
	}
	title := strings.TrimPrefix(pull.Title, prefix)
	if draft {
		title = prefix + title
	}
	_, _, err = g.admin.EditPullRequest(at.Owner, at.Name, int64(n), sdk.EditPullRequestOption{Title: title})
	return err
}

// SetLocked lets only those comment who may write to the repository.
func (g *Gitea) SetLocked(at forge.Repo, n int, locked bool) error {
	var err error
	if locked {
		_, err = g.admin.LockIssue(at.Owner, at.Name, int64(n), sdk.LockIssueOption{})
	} else {
		_, err = g.admin.UnlockIssue(at.Owner, at.Name, int64(n))
	}
	return err
}

// SetPrivate hides a repository from everybody outside its organisation.
func (g *Gitea) SetPrivate(r forge.Repo, private bool) error {
	if _, _, err := g.admin.EditRepo(r.Owner, r.Name, sdk.EditRepoOption{Private: &private}); err != nil {
		return fmt.Errorf("cannot make the repository %s private: %w", r, err)
	}
	return nil
}
