package git

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"seatrial/internal/lazyregexp"
	"seatrial/internal/pause"
)

// Mirror brings a bare copy of a repository up to date in a folder of ours below
// root: its branches, its tags, and the references that are asked for besides. It
// asks the repository at the address alone, so a fork's tags never come along. Runs
// may mirror one repository at once: they take turns.
func (g *Git) Mirror(ctx context.Context, address, root string, refs ...string) (*Repo, error) {
	return g.mirror(ctx, address, address, filepath.Join(root, mirrorName(address)), refs)
}

// MirrorInto is Mirror into a folder that the caller names. The copy has the repository's
// default branch for its own, so that others may fetch from it as from the address.
func (g *Git) MirrorInto(ctx context.Context, address, dir string, refs ...string) (*Repo, error) {
	r, err := g.mirror(ctx, address, address, dir, refs)
	if err != nil {
		return nil, err
	}
	shown, _ := checkAddress(address)
	branch, err := g.defaultBranch(ctx, address)
	if err == nil && branch != "" {
		_, err = r.ask(ctx, "symbolic-ref", "HEAD", branch)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot find the default branch of %s: %w%s", shown, err, advice(err))
	}
	return r, nil
}

// defaultBranch is a full reference; empty where there is none.
func (g *Git) defaultBranch(ctx context.Context, address string) (string, error) {
	out, err := g.ask(ctx, "ls-remote", "--quiet", "--symref", "--end-of-options", address, "HEAD")
	if err != nil {
		return "", err
	}
	name, ok := strings.CutPrefix(out, "ref: ")
	name, _, _ = strings.Cut(name, "\t")
	if !ok || !strings.HasPrefix(name, "refs/heads/") || g.checkRef(ctx, name) != nil {
		return "", nil
	}
	return name, nil
}

// mirror brings a mirror up to date whose content may be fetched from elsewhere: errors
// know the address alone.
func (g *Git) mirror(ctx context.Context, address, from, dir string, refs []string) (*Repo, error) {
	shown, err := checkAddress(address)
	if err != nil {
		return nil, err
	}
	if _, err := checkAddress(from); err != nil {
		return nil, err
	}
	for _, ref := range refs {
		if err := g.checkRef(ctx, ref); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return nil, fmt.Errorf("cannot mirror %s: %w", shown, err)
	}
	unlock, err := lock(ctx, dir+".lock")
	if err != nil {
		return nil, fmt.Errorf("cannot mirror %s: %w", shown, err)
	}
	defer unlock()
	r := &Repo{git: g, dir: dir}
	if err := r.prepare(ctx); err != nil {
		return nil, fmt.Errorf("cannot mirror %s: %w", shown, err)
	}
	err = r.fetch(ctx, from, refs)
	if err != nil && ctx.Err() == nil && r.damaged(ctx) {
		// What a crash broke is a cache: it is made anew.
		if err = os.RemoveAll(dir); err == nil {
			if err = r.prepare(ctx); err == nil {
				err = r.fetch(ctx, from, refs)
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot fetch %s: %w%s", shown, err, advice(err))
	}
	return r, nil
}

func (r *Repo) fetch(ctx context.Context, address string, refs []string) error {
	args := []string{
		"--git-dir=" + r.dir, "fetch", "--quiet", "--force", "--prune", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules",
		"--end-of-options", address, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*",
	}
	for _, ref := range refs {
		if !strings.HasPrefix(ref, "refs/heads/") && !strings.HasPrefix(ref, "refs/tags/") {
			args = append(args, "+"+ref+":"+ref)
		}
	}
	return r.bounded(ctx, address, args)
}

// fetchCommit asks for a commit that no reference names any more, and for references
// besides. Not every forge gives it.
func (r *Repo) fetchCommit(ctx context.Context, address, commit string, refs ...string) error {
	unlock, err := lock(ctx, r.dir+".lock")
	if err != nil {
		return err
	}
	defer unlock()
	return r.bounded(ctx, address, append([]string{
		"--git-dir=" + r.dir, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules",
		"--end-of-options", address, commit,
	}, refs...))
}

// bounded runs a fetch and ends it when the mirror grows beyond all reason. Only an
// address that is a folder is read as one: no server leads git to this machine's files.
func (r *Repo) bounded(ctx context.Context, address string, args []string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			if size(r.dir) > r.git.maxBytes() {
				cancel(fmt.Errorf("the repository is larger than %d MiB, which is more than is fetched", r.git.maxBytes()>>20))
				return
			}
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	err := r.git.run(ctx, call{args: args, env: []string{"GIT_ALLOW_PROTOCOL=" + protocols(address)}})
	close(done)
	<-watched
	if err == nil && size(r.dir) > r.git.maxBytes() {
		return fmt.Errorf("the repository is larger than %d MiB, which is more than is fetched", r.git.maxBytes()>>20)
	}
	return err
}

// protocols are those that a fetch from the address may speak.
func protocols(address string) string {
	if _, ok := folder(address); ok {
		return "file"
	}
	return "http:https"
}

func size(dir string) (sum int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // what vanishes meanwhile has no size
		}
		if info, err := d.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	})
	return sum
}

// prepare makes the bare repository where there is none, and removes the locks that
// a killed git left behind: whoever is here holds the only right to write.
func (r *Repo) prepare(ctx context.Context) error {
	if !looksBare(r.dir) {
		if err := os.RemoveAll(r.dir); err != nil {
			return err
		}
		fresh := r.dir + ".new"
		if err := os.RemoveAll(fresh); err != nil {
			return err
		}
		if _, err := r.git.ask(ctx, "init", "--quiet", "--bare", "--template=", "--initial-branch=none", "--end-of-options", fresh); err != nil {
			return err
		}
		return os.Rename(fresh, r.dir)
	}
	return filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == "objects" {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".lock") {
			return os.Remove(path)
		}
		return nil
	})
}

func (r *Repo) damaged(ctx context.Context) bool {
	_, err := r.ask(ctx, "fsck", "--connectivity-only", "--no-dangling", "--no-progress")
	return exitCode(err) > 0
}

// lock takes turns between processes. The lock goes when its holder does.
func lock(ctx context.Context, file string) (func(), error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(fmt.Errorf("cannot lock %s: %w", file, err), f.Close())
		}
		if pause.For(ctx, 50*time.Millisecond, nil) != nil {
			return nil, errors.Join(fmt.Errorf("gave up waiting for another run's fetch: %w", context.Cause(ctx)), f.Close())
		}
	}
}

// checkAddress takes http, https and local files, and returns the address as it may
// be shown: without a password.
func checkAddress(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || strings.ContainsFunc(address, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", fmt.Errorf("%q is not an address that git could fetch", address)
	}
	switch {
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
	case u.Scheme == "file" && u.Host == "" && filepath.IsAbs(u.Path):
	case u.Scheme == "" && filepath.IsAbs(address):
	default:
		return "", fmt.Errorf("%q is not an address that can be fetched: http and https are, and absolute paths", u.Redacted())
	}
	return u.Redacted(), nil
}

func (g *Git) checkRef(ctx context.Context, ref string) error {
	if !strings.HasPrefix(ref, "refs/") {
		return fmt.Errorf("%q is not a full reference like refs/pull/1/head", ref)
	}
	if _, err := g.ask(ctx, "check-ref-format", ref); err != nil {
		return fmt.Errorf("%q is not a reference that git knows", ref)
	}
	return nil
}

var notInFile = lazyregexp.New(`[^A-Za-z0-9._-]+`)

// mirrorName is the folder's name: readable, and one for each address.
func mirrorName(address string) string {
	sum := sha256.Sum256([]byte(address))
	name := "repository"
	if u, err := url.Parse(address); err == nil {
		name = strings.Trim(notInFile.ReplaceAllString(strings.TrimSuffix(u.Host+u.Path, ".git"), "-"), "-.")
	}
	return name[max(0, len(name)-60):] + "-" + hex.EncodeToString(sum[:8]) + ".git"
}

// advice says what to do about what git said.
func advice(err error) string {
	text := strings.ToLower(err.Error())
	for _, a := range []struct{ said, do string }{
		{"couldn't find remote ref", "the branch or pull request is gone: check that it is open"},
		{"could not read username", "it does not exist, or is not public: check repo in the enrolment"},
		{"authentication failed", "it is not public, or the address is wrong: check repo in the enrolment"},
		{"not found", "it does not exist, or is not public: check repo in the enrolment"},
		{"does not appear to be a git repository", "check the address"},
		{"could not resolve host", "check the forge's address and this machine's name servers"},
		{"failed to connect", "check that the forge is up and can be reached from here"},
		{"connection refused", "check that the forge is up and can be reached from here"},
		{"dubious ownership", "it belongs to another user: run as its owner, or give it to yours"},
		{"no space left", "make room on the disk that holds the state folder"},
		{"certificate", "check the forge's certificate; SSL_CERT_FILE names your own authority"},
	} {
		if strings.Contains(text, a.said) {
			return " (" + a.do + ")"
		}
	}
	return ""
}
