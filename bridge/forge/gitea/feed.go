package gitea

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	sdk "code.gitea.io/sdk/gitea"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

const (
	pageSize = 50 // the most that a Gitea gives by default
	// mostPages bounds a list: a server that always has one more page is lying.
	mostPages = 2000
	// rereads is how often a list that changed while it was read is read again.
	rereads = 3
)

// CommentsAfter returns the comments on pull requests that were made or changed since
// the cursor, oldest first, and the cursor for the next time. It reads every page
// before the cursor moves; what it returned before it may return again, because the
// server's times are whole seconds and its index lags. An empty cursor means from now
// on: nothing is returned. On an error the old cursor stays valid.
func (f *Forge) CommentsAfter(ctx context.Context, scope forge.Scope, at forge.Cursor) ([]forge.Comment, forge.Cursor, error) {
	if at == "" {
		now, err := f.serverTime(ctx, scope)
		if err != nil {
			return nil, "", err
		}
		return nil, cursor{Mark: adapter.Mark{Start: now}}.encode(), nil
	}
	c, err := parseCursor(at)
	if err != nil {
		return nil, at, err
	}
	comments, next, now, err := f.read(ctx, scope, c)
	if err != nil {
		return nil, at, err
	}
	if earlier, moved := c.back(now); moved {
		f.log.Warn("the forge's clock was set back; reading its comments again from there", "forge", f.id, "scope", scope.Name(), "now", now)
		if comments, next, _, err = f.read(ctx, scope, earlier); err != nil {
			return nil, at, err
		}
	}
	slices.SortFunc(comments, func(a, b forge.Comment) int { return cmp.Compare(a.ID, b.ID) })
	comments = slices.CompactFunc(comments, func(a, b forge.Comment) bool { return a.ID == b.ID })
	return comments, next.encode(), nil
}

func (f *Forge) read(ctx context.Context, scope forge.Scope, c cursor) ([]forge.Comment, cursor, time.Time, error) {
	if scope.Org != "" {
		return f.readOrg(ctx, scope, c)
	}
	list, now, err := f.repoComments(ctx, "sweep", scope.Repo, c.Since())
	if err != nil {
		return nil, c, now, err
	}
	return f.take(list, scope.Repo, now, &c), c, now, nil
}

// readOrg asks once for the organisation's pull requests that moved, and then only
// their repositories for comments.
func (f *Forge) readOrg(ctx context.Context, scope forge.Scope, c cursor) ([]forge.Comment, cursor, time.Time, error) {
	moved, now, err := f.movedPulls(ctx, scope.Org, c.Since())
	if err != nil {
		return nil, c, now, err
	}
	next := cursor{Mark: c.Mark, Read: map[string]int64{}}
	since := map[forge.Repo]time.Time{}
	for name, from := range c.Owed {
		if repo, wanted := f.find(scope, name); wanted {
			since[repo] = from
		}
	}
	for _, issue := range moved {
		if issue == nil || issue.Repository == nil {
			continue
		}
		next.Saw(issue.Updated, now)
		named := forge.Repo{Forge: f.id, Owner: issue.Repository.Owner, Name: issue.Repository.Name}
		key, updated := named.String()+"#"+strconv.FormatInt(issue.Index, 10), issue.Updated.Unix()
		// Within the second in which it changed it may change once more, unseen.
		if now.Sub(issue.Updated) >= 2*time.Second {
			next.Read[key] = updated
		}
		if c.Read[key] == updated {
			continue
		}
		if repo, wanted := scope.Find(named); wanted {
			if _, owed := since[repo]; !owed {
				since[repo] = c.Since()
			}
		}
	}
	var comments []forge.Comment
	var reads, lastErr = 0, error(nil)
	for repo, from := range since {
		list, _, err := f.repoComments(ctx, "comments", repo, from)
		switch {
		case errors.Is(err, forge.ErrNotFound):
			f.log.Warn("a repository vanished while its comments were read", "repo", repo.String(), "err", err)
			reads++
		case errors.Is(err, forge.ErrUnauthorized) || ctx.Err() != nil:
			return nil, c, now, err
		case err != nil:
			// One repository in trouble must not hold up the others: it is read next time, from there.
			next.owe(repo, from)
			lastErr = err
		default:
			var own cursor // the organisation's cursor follows pull requests, not comments
			comments = append(comments, f.take(list, repo, now, &own)...)
			reads++
		}
	}
	if lastErr != nil {
		if reads == 0 {
			return nil, c, now, lastErr
		}
		f.log.Warn("the comments of a repository could not be read; asking again next time", "forge", f.id, "err", lastErr)
	}
	from := next.Since().Unix()
	for key, updated := range next.Read {
		if updated < from {
			delete(next.Read, key)
		}
	}
	return comments, next, now, nil
}

// find is the repository of a scope that has this name.
func (f *Forge) find(scope forge.Scope, name string) (forge.Repo, bool) {
	repo, err := forge.ParseRepo(f.id, name)
	if err != nil {
		return forge.Repo{}, false
	}
	return scope.Find(repo)
}

// take turns the comments of a repository into ours, and moves the cursor over them.
// Those on plain issues move it too, but are dropped.
func (f *Forge) take(list []*sdk.Comment, repo forge.Repo, now time.Time, c *cursor) []forge.Comment {
	var comments []forge.Comment
	for _, raw := range list {
		if raw == nil {
			continue
		}
		c.Saw(raw.Updated, now)
		if comment, ok := f.comment(raw, repo); ok {
			comments = append(comments, comment)
		}
	}
	return comments
}

// movedPulls lists the pull requests of an organisation that changed since then.
func (f *Forge) movedPulls(ctx context.Context, org string, since time.Time) ([]*sdk.Issue, time.Time, error) {
	list, now, err := pages(func(page int) ([]*sdk.Issue, *sdk.Response, error) {
		client, err := f.client(ctx, "search")
		if err != nil {
			return nil, nil, err
		}
		return client.ListIssues(sdk.ListIssueOption{
			ListOptions: sdk.ListOptions{Page: page, PageSize: pageSize},
			State:       sdk.StateAll, Type: sdk.IssueTypePull, Owner: org, Since: since,
		})
	})
	return list, now, adapter.Failed(err, "search the pull requests of %s", org)
}

func (f *Forge) repoComments(ctx context.Context, kind string, repo forge.Repo, since time.Time) ([]*sdk.Comment, time.Time, error) {
	list, now, err := pages(func(page int) ([]*sdk.Comment, *sdk.Response, error) {
		client, err := f.client(ctx, kind)
		if err != nil {
			return nil, nil, err
		}
		return client.ListRepoIssueComments(repo.Owner, repo.Name, sdk.ListIssueCommentOptions{
			ListOptions: sdk.ListOptions{Page: page, PageSize: pageSize}, Since: since,
		})
	})
	return list, now, adapter.Failed(err, "list the comments of %s", repo)
}

// serverTime asks the server something small for the sake of its clock.
func (f *Forge) serverTime(ctx context.Context, scope forge.Scope) (time.Time, error) {
	const kind = "clock"
	client, err := f.client(ctx, kind)
	if err != nil {
		return time.Time{}, err
	}
	var resp *sdk.Response
	if scope.Org != "" {
		_, resp, err = client.ListIssues(sdk.ListIssueOption{
			ListOptions: sdk.ListOptions{Page: 1, PageSize: 1}, State: sdk.StateAll, Type: sdk.IssueTypePull, Owner: scope.Org,
		})
	} else {
		_, resp, err = client.GetRepo(scope.Repo.Owner, scope.Repo.Name)
	}
	if err != nil {
		return time.Time{}, adapter.Failed(err, "begin to read %s", scope.Name())
	}
	return adapter.ServerTime(resp.Header)
}

// pages reads a list to its end, and returns the server's time as of the first page.
// Pages are counted from the start, so something that is removed in the meantime moves
// what follows across the border of two pages: then the list is read again.
func pages[T any](get func(page int) ([]T, *sdk.Response, error)) ([]T, time.Time, error) {
	for range rereads {
		list, now, steady, err := onePass(get)
		if err != nil || steady {
			return list, now, err
		}
	}
	return nil, time.Time{}, fmt.Errorf("the list changed each of the %d times that it was read", rereads)
}

func onePass[T any](get func(page int) ([]T, *sdk.Response, error)) (list []T, now time.Time, steady bool, err error) {
	known := -1 // how many there are altogether, as the server last said
	for page := 1; page <= mostPages; page++ {
		items, resp, err := get(page)
		if err != nil {
			return nil, now, false, err
		}
		if page == 1 {
			if now, err = adapter.ServerTime(resp.Header); err != nil {
				return nil, now, false, err
			}
		}
		list = append(list, items...)
		total, err := strconv.Atoi(resp.Header.Get("X-Total-Count"))
		switch {
		case err != nil: // a server that does not say
			if len(items) < pageSize {
				return list, now, true, nil
			}
			continue
		case total < known:
			return nil, now, false, nil
		case len(list) >= total || len(items) == 0:
			return list, now, true, nil
		}
		known = total
	}
	return nil, now, false, fmt.Errorf("the list did not end after %d pages", mostPages)
}
