package git

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// Latest writes the latest release that was published on the default branch into a
// folder, or that branch's head where nothing was published yet. Of the code only URL and
// Copy count; the files of a folder at URL that is not a repository are taken as they lie there.
func (s *Source) Latest(ctx context.Context, code Code, into string) (Release, error) {
	into, err := filepath.Abs(into)
	if err != nil {
		return Release{}, fmt.Errorf("cannot bring the recipe: %w", err)
	}
	r, head, err := s.tip(ctx, code)
	if dir, ok := folder(code.URL); ok && code.Copy == "" && (errors.Is(err, ErrNoRepository) || errors.Is(err, ErrNotFound)) {
		tree, err := s.Git.WorkTree(ctx, dir, into)
		return Release{Name: "head", Tree: tree, Dir: into}, err
	}
	if err != nil {
		return Release{}, err
	}
	published, err := r.Versions(ctx, s.Tags, head)
	if err != nil {
		return Release{}, err
	}
	if len(published) == 0 {
		shallow, err := r.shallow(ctx)
		if err == nil && shallow {
			if r, err = s.whole(ctx, code, r, head); err == nil {
				published, err = r.Versions(ctx, s.Tags, head)
			}
		}
		if err != nil {
			return Release{}, err
		}
	}
	if v, ok := latest(published); ok {
		return r.release(ctx, v.Tag, v.Commit, into)
	}
	return r.release(ctx, "head", head, into)
}

// tip is the head of the default branch.
func (s *Source) tip(ctx context.Context, code Code) (*Repo, string, error) {
	if dir, ok := folder(code.URL); ok && code.Copy == "" {
		r, err := s.Git.Open(ctx, dir)
		if err != nil {
			return nil, "", fmt.Errorf("%w%s", err, advice(err))
		}
		head, err := r.Resolve(ctx, "HEAD")
		return r, head, err
	}
	r, err := s.mirror(ctx, code)
	if err != nil {
		return nil, "", err
	}
	// The mirror keeps no HEAD of its own.
	out, err := s.Git.ask(ctx, "ls-remote", "--quiet", "--end-of-options", code.from(), "HEAD")
	if err != nil {
		shown, _ := checkAddress(code.URL)
		return nil, "", fmt.Errorf("cannot ask %s for its default branch: %w%s", shown, err, advice(err))
	}
	head, _, _ := strings.Cut(out, "\t")
	if !fullHash.MatchString(head) {
		return nil, "", fmt.Errorf("cannot find the default branch: %w", ErrNotFound)
	}
	return r, head, nil
}
