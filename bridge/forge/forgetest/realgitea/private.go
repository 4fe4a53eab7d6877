package realgitea

import (
	"fmt"

	sdk "code.gitea.io/sdk/gitea"

	"seatrial/bridge/forge"
)

// SetPrivate hides a repository from everybody outside its organisation.
func (g *Gitea) SetPrivate(r forge.Repo, private bool) error {
	if _, _, err := g.admin.EditRepo(r.Owner, r.Name, sdk.EditRepoOption{Private: &private}); err != nil {
		return fmt.Errorf("cannot make the repository %s private: %w", r, err)
	}
	return nil
}
