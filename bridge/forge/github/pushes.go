package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	sdk "github.com/google/go-github/v60/github"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// activity is what GitHub tells of a change to a branch.
type activity struct {
	Before string    `json:"before"`
	After  string    `json:"after"`
	At     time.Time `json:"timestamp"`
	Type   string    `json:"activity_type"`
}

// Pushes returns the changes of a pull request's head since then, oldest first, and
// before them the last one earlier, if there is one. The last entry of all should
// lead to the head that PullRequest returned; where it does not, the forge has not yet
// noted when that head came, and nobody should rely on its age.
//
// They are what the repository that the pull request comes from tells of its branch.
// Where it does not tell, they are the forced pushes that the pull request tells of and,
// unless one of those led to the head, the time that is written in the head's commit:
// a hint, because whoever made the commit wrote it. No push has a number.
func (f *Forge) Pushes(ctx context.Context, repo forge.Repo, n int, since time.Time) ([]forge.Push, error) {
	raw, err := f.pull(ctx, "timeline", repo, n)
	if err != nil {
		return nil, err
	}
	ctx = about(ctx, "timeline", repo)
	all, err := f.branchPushes(ctx, raw, since)
	if err == nil && len(all) > 0 {
		return adapter.Latest(all, since), nil
	}
	if err != nil && !errors.Is(err, forge.ErrNotFound) && !errors.Is(err, forge.ErrForbidden) {
		return nil, adapter.Failed(err, "read the pushes of %s#%d", repo, n)
	}
	if all, err = f.forcedPushes(ctx, repo, n); err != nil {
		return nil, adapter.Failed(err, "read the timeline of %s#%d", repo, n)
	}
	head := raw.Head.GetSHA()
	if len(all) == 0 || all[len(all)-1].After != head {
		var commit sdk.RepositoryCommit
		if _, err := f.ask(ctx, http.MethodGet, pathOf(repo)+"/commits/"+segment(head), nil, &commit); err != nil {
			return nil, adapter.Failed(err, "read the commit %.12s of %s", head, repo)
		}
		at := commit.GetCommit().GetCommitter().GetDate().UTC()
		if len(all) > 0 && at.Before(all[len(all)-1].At) {
			at = all[len(all)-1].At // it came after that, whatever it says
		}
		all = append(all, forge.Push{At: at, After: head})
	}
	return adapter.Latest(all, since), nil
}

// branchPushes are what the repository that a pull request comes from tells of its
// branch, oldest first, back to the first before since.
func (f *Forge) branchPushes(ctx context.Context, raw *sdk.PullRequest, since time.Time) ([]forge.Push, error) {
	from, err := forge.ParseRepo(f.id, raw.Head.Repo.GetFullName())
	if err != nil {
		return nil, fmt.Errorf("it is gone: %w", forge.ErrNotFound)
	}
	query := url.Values{"ref": {"refs/heads/" + raw.Head.GetRef()}, "direction": {"desc"}}
	list, _, _, err := pages(ctx, f, pathOf(from)+"/activity", query, func(page []activity) bool {
		return len(page) > 0 && page[len(page)-1].At.Before(since)
	})
	if err != nil {
		return nil, err
	}
	var all []forge.Push
	for _, a := range slices.Backward(list) {
		if p := (forge.Push{At: a.At.UTC(), Before: commit(a.Before), After: commit(a.After)}); p.After != "" { // else the branch was deleted
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b forge.Push) int { return a.At.Compare(b.At) })
	return all, nil
}

// commit is a hash, or nothing for the zeros that say that there was none.
func commit(hash string) string {
	if strings.Trim(hash, "0") == "" {
		return ""
	}
	return hash
}

// forcedPushes are those that a pull request's timeline tells of, oldest first.
func (f *Forge) forcedPushes(ctx context.Context, repo forge.Repo, n int) ([]forge.Push, error) {
	list, _, err := whole(ctx, f, fmt.Sprintf("%s/issues/%d/timeline", pathOf(repo), n), url.Values{}, func(a, b *sdk.Timeline) bool {
		return a.GetID() == b.GetID() && a.GetEvent() == b.GetEvent() && a.GetSHA() == b.GetSHA()
	})
	if err != nil {
		return nil, err
	}
	var all []forge.Push
	for _, e := range list {
		if e.GetEvent() == "head_ref_force_pushed" {
			all = append(all, forge.Push{At: e.GetCreatedAt().UTC(), After: e.GetCommitID()})
		}
	}
	slices.SortStableFunc(all, func(a, b forge.Push) int { return cmp.Compare(a.At.Unix(), b.At.Unix()) })
	return all, nil
}
