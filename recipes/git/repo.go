package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"seatrial/internal/lazyregexp"
)

// Repo is a repository on this machine. Only Mirror writes to it.
type Repo struct {
	git *Git
	dir string // the git directory
}

// ErrNoRepository is returned by Open for a folder that is none.
var ErrNoRepository = errors.New("this folder is not a git repository")

// ErrNotFound is returned where a commit, branch or tag is not there.
var ErrNotFound = errors.New("not found in the repository")

// Open opens a repository that lies in a folder: bare, or as the root of a work
// tree. A folder inside somebody else's work tree is not a repository.
func (g *Git) Open(ctx context.Context, dir string) (*Repo, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", dir, err)
	}
	if info, err := os.Stat(abs); err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", dir, err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("cannot open %s: it is not a directory", dir)
	}
	if _, err := os.Lstat(filepath.Join(abs, ".git")); errors.Is(err, fs.ErrNotExist) && !looksBare(abs) {
		return nil, fmt.Errorf("cannot open %s: %w", dir, ErrNoRepository)
	}
	out, err := g.ask(ctx, "-C", abs, "rev-parse", "--absolute-git-dir")
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", dir, err)
	}
	return &Repo{git: g, dir: strings.TrimSuffix(out, "\n")}, nil
}

func looksBare(dir string) bool {
	for _, name := range []string{"HEAD", "objects", "refs"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

func (r *Repo) ask(ctx context.Context, args ...string) (string, error) {
	return r.git.ask(ctx, append([]string{"--git-dir=" + r.dir}, args...)...)
}

var fullHash = lazyregexp.New(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// Resolve finds the commit that a person means: a hash, a short one, a branch, a
// tag, HEAD~2.
func (r *Repo) Resolve(ctx context.Context, rev string) (string, error) {
	if rev == "" || strings.ContainsAny(rev, "\x00\n") {
		return "", fmt.Errorf("%q names no commit", rev)
	}
	out, err := r.ask(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{commit}")
	if exitCode(err) > 0 {
		return "", fmt.Errorf("%q names no commit here: %w", rev, ErrNotFound)
	}
	if err != nil {
		return "", fmt.Errorf("cannot find the commit: %w", err)
	}
	return strings.TrimSpace(out), nil
}

// Has says whether the commit, a full hash, is here.
func (r *Repo) Has(ctx context.Context, commit string) (bool, error) {
	if !fullHash.MatchString(commit) {
		return false, fmt.Errorf("%q is not a commit's full hash", commit)
	}
	_, err := r.ask(ctx, "cat-file", "-e", commit+"^{commit}")
	if exitCode(err) > 0 {
		return false, nil
	}
	return err == nil, err
}

// ref is the commit that a full reference points to.
func (r *Repo) ref(ctx context.Context, name string) (string, error) {
	out, err := r.ask(ctx, "show-ref", "--verify", "--hash", "--", name)
	if exitCode(err) > 0 {
		return "", fmt.Errorf("%s: %w", name, ErrNotFound)
	}
	if err != nil {
		return "", err
	}
	return r.Resolve(ctx, strings.TrimSpace(out))
}

// Tree is the hash of the commit's content: commits with one tree hold the same files.
func (r *Repo) Tree(ctx context.Context, commit string) (string, error) {
	if !fullHash.MatchString(commit) {
		return "", fmt.Errorf("%q is not a commit's full hash", commit)
	}
	out, err := r.ask(ctx, "rev-parse", "--verify", "--end-of-options", commit+"^{tree}")
	if err != nil {
		return "", fmt.Errorf("cannot find the tree of %s: %w", commit, err)
	}
	return strings.TrimSpace(out), nil
}

// Subject is the first line of the commit's message. Untrusted.
func (r *Repo) Subject(ctx context.Context, commit string) (string, error) {
	if !fullHash.MatchString(commit) {
		return "", fmt.Errorf("%q is not a commit's full hash", commit)
	}
	out, err := r.ask(ctx, "log", "-1", "--no-color", "--format=%s", "--end-of-options", commit, "--")
	if err != nil {
		return "", fmt.Errorf("cannot read the message of %s: %w", commit, err)
	}
	const longest = 500
	subject := strings.ToValidUTF8(strings.TrimSpace(out), "�")
	if runes := []rune(subject); len(runes) > longest {
		subject = string(runes[:longest]) + "…"
	}
	return subject, nil
}

// MergeBase is where two commits' histories part; ErrNotFound where they share none.
func (r *Repo) MergeBase(ctx context.Context, a, b string) (string, error) {
	if !fullHash.MatchString(a) || !fullHash.MatchString(b) {
		return "", fmt.Errorf("%q and %q must be full hashes", a, b)
	}
	out, err := r.ask(ctx, "merge-base", "--end-of-options", a, b)
	if exitCode(err) == 1 {
		return "", fmt.Errorf("the two commits share no history: %w", ErrNotFound)
	}
	if err != nil {
		return "", fmt.Errorf("cannot compare the two histories: %w", err)
	}
	return strings.TrimSpace(out), nil
}
