package gitea

import (
	"context"

	sdk "code.gitea.io/sdk/gitea"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
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
	return adapter.Failed(err, "set the status %q of %.12s in %s", s.Context, commit, repo)
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
			return forge.Status{}, false, adapter.Failed(err, "read the statuses of %.12s in %s", commit, repo)
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
