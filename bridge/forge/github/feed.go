package github

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	sdk "github.com/google/go-github/v60/github"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// CommentsAfter returns the comments on pull requests that were made or changed since
// the cursor, oldest first, and the cursor for the next time. It reads every page
// before the cursor moves; what it returned before it may return again, because the
// server's times are whole seconds. An empty cursor means from now on: nothing is
// returned. On an error the old cursor stays valid.
//
// An organisation's feed asks the repositories of the scope one after the other, each
// from where it was read; one that is new in the scope begins with what comes from now
// on. A scope that wants all repositories, without naming any, has nothing to ask and
// returns nothing.
func (f *Forge) CommentsAfter(ctx context.Context, scope forge.Scope, at forge.Cursor) ([]forge.Comment, forge.Cursor, error) {
	if err := f.knowBots(ctx); err != nil {
		return nil, at, err
	}
	if at == "" {
		now, err := f.serverTime(ctx, scope)
		if err != nil {
			return nil, "", err
		}
		return nil, begin(scope, now).encode(), nil
	}
	c, err := parseCursor(at)
	if err != nil {
		return nil, at, err
	}
	var comments []forge.Comment
	if scope.Org != "" {
		comments, c, err = f.readOrg(ctx, scope, c)
	} else {
		comments, c.Mark, err = f.readRepo(ctx, "sweep", scope.Repo, c.Mark)
	}
	if err != nil {
		return nil, at, err
	}
	slices.SortFunc(comments, func(a, b forge.Comment) int { return cmp.Compare(a.ID, b.ID) })
	comments = slices.CompactFunc(comments, func(a, b forge.Comment) bool { return a.ID == b.ID })
	return comments, c.encode(), nil
}

// readOrg reads the wanted repositories, one after the other.
func (f *Forge) readOrg(ctx context.Context, scope forge.Scope, c cursor) ([]forge.Comment, cursor, error) {
	next := cursor{Mark: c.Mark}
	var comments []forge.Comment
	var reads, lastErr = 0, error(nil)
	for _, repo := range scope.Repos {
		mark, known := c.of(repo)
		if !known {
			now, err := f.serverTime(ctx, scope)
			if err != nil {
				return nil, c, err
			}
			next.set(repo, adapter.Mark{Start: now})
			continue
		}
		next.set(repo, mark)
		if lastErr != nil && errors.Is(lastErr, forge.ErrLimited) {
			continue // the others would be answered the same
		}
		found, moved, err := f.readRepo(ctx, "comments", repo, mark)
		switch {
		case errors.Is(err, forge.ErrNotFound):
			f.log.Warn("a repository vanished while its comments were read", "repo", repo.String(), "err", err)
			reads++
		case errors.Is(err, forge.ErrUnauthorized) || ctx.Err() != nil:
			return nil, c, err
		case err != nil:
			// One repository in trouble must not hold up the others: it is read next time, from there.
			lastErr = err
		default:
			next.set(repo, moved)
			comments = append(comments, found...)
			reads++
		}
	}
	if lastErr != nil {
		if reads == 0 {
			return nil, c, lastErr
		}
		f.log.Warn("the comments of a repository could not be read; asking again next time", "forge", f.id, "err", lastErr)
	}
	return comments, next, nil
}

// readRepo reads what is new in a repository.
func (f *Forge) readRepo(ctx context.Context, kind string, repo forge.Repo, mark adapter.Mark) ([]forge.Comment, adapter.Mark, error) {
	list, now, err := f.repoComments(ctx, kind, repo, mark.Since())
	if err != nil {
		return nil, mark, err
	}
	if earlier, moved := mark.Back(now); moved {
		f.log.Warn("the forge's clock was set back; reading its comments again from there", "forge", f.id, "repo", repo.String(), "now", now)
		mark = earlier
		if list, now, err = f.repoComments(ctx, kind, repo, mark.Since()); err != nil {
			return nil, mark, err
		}
	}
	var comments []forge.Comment
	for _, raw := range list {
		if raw == nil {
			continue
		}
		mark.Saw(raw.GetUpdatedAt().Time, now)
		if comment, ok := f.comment(raw, repo); ok {
			comments = append(comments, comment)
		}
	}
	return comments, mark, nil
}

func (f *Forge) repoComments(ctx context.Context, kind string, repo forge.Repo, since time.Time) ([]*sdk.IssueComment, time.Time, error) {
	query := url.Values{"sort": {"updated"}, "direction": {"asc"}, "since": {since.UTC().Format(time.RFC3339)}}
	list, now, err := whole(about(ctx, kind, repo), f, pathOf(repo)+"/issues/comments", query, sameComment)
	return list, now, adapter.Failed(err, "list the comments of %s", repo)
}

func sameComment(a, b *sdk.IssueComment) bool {
	return a.GetID() == b.GetID() && a.GetUpdatedAt().Equal(b.GetUpdatedAt())
}

// serverTime asks the server something small for the sake of its clock. About an
// organisation it is the one question that costs nothing.
func (f *Forge) serverTime(ctx context.Context, scope forge.Scope) (time.Time, error) {
	path := "rate_limit"
	ctx = aboutOrg(ctx, "clock", scope.Org)
	switch {
	case scope.Org == "":
		path, ctx = pathOf(scope.Repo), about(ctx, "clock", scope.Repo)
	case len(scope.Repos) == 0:
		return f.now().Add(f.Skew()).UTC().Truncate(time.Second), nil
	}
	header, err := f.ask(ctx, http.MethodGet, path, nil, nil)
	if answer, ok := errors.AsType[*adapter.Error](err); ok && scope.Org != "" && answer.Status == http.StatusNotFound {
		return f.now().Add(f.Skew()).UTC().Truncate(time.Second), nil // an Enterprise server without limits, which has told its time
	}
	if err != nil {
		return time.Time{}, adapter.Failed(err, "begin to read %s", scope.Name())
	}
	return adapter.ServerTime(header)
}
