package github

import (
	"context"
	"net/http"
	"net/url"

	sdk "github.com/google/go-github/v60/github"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// mostDescription is how long GitHub lets a status's description be.
const mostDescription = 140

// SetStatus posts a commit status, or with an App makes or changes a check run, which
// shows the details too. It works for any commit that the repository holds, a pull
// request's head from a fork too.
func (f *Forge) SetStatus(ctx context.Context, repo forge.Repo, commit string, s forge.Status) error {
	if f.apps != nil {
		return adapter.Failed(f.setCheck(about(ctx, "status", repo), repo, commit, s), "set the check run of %.12s in %s", commit, repo)
	}
	state, description := string(s.State), cut(s.Description, mostDescription)
	in := sdk.RepoStatus{State: &state, Context: &s.Context, Description: &description, TargetURL: optional(s.TargetURL)}
	_, err := f.ask(about(ctx, "status", repo), http.MethodPost, pathOf(repo)+"/statuses/"+segment(commit), in, nil)
	return adapter.Failed(err, "set the status of %.12s in %s", commit, repo)
}

// LastStatus returns the status that counts for a context: the latest, or with an App
// our latest check run of that name. Its details are not read back.
func (f *Forge) LastStatus(ctx context.Context, repo forge.Repo, commit, statusContext string) (forge.Status, bool, error) {
	ctx = about(ctx, "statuses", repo)
	if f.apps != nil {
		s, ok, err := f.lastCheck(ctx, repo, commit, statusContext)
		return s, ok, adapter.Failed(err, "read the check runs of %.12s in %s", commit, repo)
	}
	var last *sdk.RepoStatus
	_, _, _, err := pages(ctx, f, pathOf(repo)+"/commits/"+segment(commit)+"/statuses", url.Values{}, func(page []*sdk.RepoStatus) bool {
		// The newest come first, but within a second the number decides.
		for _, s := range page {
			if s.GetContext() == statusContext && (last == nil || s.GetID() > last.GetID()) {
				last = s
			}
		}
		return last != nil
	})
	if err != nil {
		return forge.Status{}, false, adapter.Failed(err, "read the statuses of %.12s in %s", commit, repo)
	}
	if last == nil {
		return forge.Status{}, false, nil
	}
	return forge.Status{
		State: forge.StatusState(last.GetState()), Context: last.GetContext(), Description: last.GetDescription(), TargetURL: last.GetTargetURL(),
	}, true, nil
}

// cut shortens a text to so many characters.
func cut(s string, most int) string {
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(runes[:most-1]) + "…"
}
