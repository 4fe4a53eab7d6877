package git

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// shallow says whether the history is cut off somewhere.
func (r *Repo) shallow(ctx context.Context) (bool, error) {
	out, err := r.ask(ctx, "rev-parse", "--is-shallow-repository")
	if err != nil {
		return false, fmt.Errorf("cannot find out whether the clone is shallow: %w", err)
	}
	return strings.TrimSpace(out) == "true", nil
}

// whole is a folder's shallow clone with the history that it lacks, which its origin
// has: in a mirror of ours, for the folder is somebody's. The error says what to do.
func (s *Source) whole(ctx context.Context, code Code, r *Repo, commit string) (*Repo, error) {
	m, err := s.deepen(ctx, code, r, commit)
	if err != nil {
		return nil, fmt.Errorf("the clone is shallow, so it does not show what was published before: run git fetch --unshallow --tags in it; %w", err)
	}
	return m, nil
}

func (s *Source) deepen(ctx context.Context, code Code, r *Repo, commit string) (*Repo, error) {
	dir, _ := folder(code.from())
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	out, err := r.ask(ctx, "config", "--get", "remote.origin.url")
	if err != nil {
		return nil, errors.New("it has no origin to fetch more from")
	}
	origin := strings.TrimSuffix(out, "\n")
	m, err := s.Git.mirror(ctx, origin, origin, filepath.Join(s.Mirrors, mirrorName("file://"+dir)), nil)
	if err != nil {
		return nil, err
	}
	// What is the folder's alone follows upon what the origin has, or else it cannot be
	// walked from here to its beginning: git does not say so when it fetches.
	if err := m.fetchCommit(ctx, dir, commit, "+refs/tags/*:refs/tags/*"); err != nil {
		return nil, fmt.Errorf("cannot add its own commits to what its origin has: %w", err)
	}
	if _, err := m.ask(ctx, "rev-list", "--quiet", "--end-of-options", commit); err != nil {
		return nil, fmt.Errorf("its origin does not have what it was made from: %w", err)
	}
	return m, nil
}
