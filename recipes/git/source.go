package git

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// Source brings a recipe's code, and the published release to upgrade from.
type Source struct {
	Git     Git
	Mirrors string // the folder of the mirrors; it may be shared between runs
	Tags    string // the enrolment's versions.tags
}

// Code says what to bring. It mirrors what a request says.
type Code struct {
	URL      string // what git fetches, or a folder
	Copy     string // a folder with a copy of what is at URL, fetched from in its place; empty for none
	Ref      string // the reference through which Commit arrives: refs/pull/N/head
	Commit   string // the full hash; for a folder anything that names a commit, or empty for HEAD
	Base     string // the branch that is to be changed
	WorkTree bool   // the folder's files as they lie there
}

// from is where git fetches.
func (c Code) from() string { return cmp.Or(c.Copy, c.URL) }

// mirror brings the source's mirror of the code's repository up to date.
func (s *Source) mirror(ctx context.Context, code Code, refs ...string) (*Repo, error) {
	return s.Git.mirror(ctx, code.URL, code.from(), filepath.Join(s.Mirrors, mirrorName(code.URL)), refs)
}

// Release is one version, as files.
type Release struct {
	Name   string // the tag, or "head"
	Commit string // empty for a work tree
	Tree   string
	Dir    string
}

// Fetched is what was brought.
type Fetched struct {
	Head     Release
	Previous *Release // nil: nothing that the head descends from was published
	Base     string   // the commit from whose history Previous was chosen; empty without a repository
	Subject  string   // the first line of the head's message. Untrusted
	Tags     Tags     // everything published

	// Why there is no Previous, where there are tags: which were passed over, and why.
	NoPrevious string
	// Unknown says that there may be one all the same: the history is cut off before it.
	Unknown bool
}

// Fetch writes the head's files to into/head and those of the release to upgrade from
// to into/previous. from names that release by its tag; without it, it is the highest
// published version that the merge base with the base branch descends from.
func (s *Source) Fetch(ctx context.Context, code Code, from, into string) (Fetched, error) {
	into, err := filepath.Abs(into)
	if err != nil {
		return Fetched{}, fmt.Errorf("cannot bring the recipe: %w", err)
	}
	if code.WorkTree {
		return s.workTree(ctx, code, from, into)
	}
	r, commit, err := s.open(ctx, code)
	if err != nil {
		return Fetched{}, err
	}
	head, err := r.release(ctx, "head", commit, filepath.Join(into, "head"))
	if err != nil {
		return Fetched{}, err
	}
	f := Fetched{Head: head}
	if f.Subject, err = r.Subject(ctx, commit); err != nil {
		return Fetched{}, err
	}
	return s.previous(ctx, r, f, commit, code, from, into)
}

func (s *Source) workTree(ctx context.Context, code Code, from, into string) (Fetched, error) {
	dir, ok := folder(code.URL)
	if !ok {
		return Fetched{}, fmt.Errorf("cannot test a work tree at %s: it must be a folder on this machine", code.URL)
	}
	f := Fetched{Head: Release{Name: "head", Dir: filepath.Join(into, "head")}, Subject: "the work tree as it is"}
	var err error
	if f.Head.Tree, err = s.Git.WorkTree(ctx, dir, f.Head.Dir); err != nil {
		return Fetched{}, err
	}
	r, err := s.Git.Open(ctx, dir)
	var commit string
	if err == nil {
		commit, err = r.Resolve(ctx, "HEAD")
	}
	if errors.Is(err, ErrNoRepository) || errors.Is(err, ErrNotFound) {
		if from != "" {
			return Fetched{}, fmt.Errorf("cannot upgrade from %q: %s has no commits, so nothing was published there", from, dir)
		}
		return f, nil
	}
	if err != nil {
		return Fetched{}, err
	}
	return s.previous(ctx, r, f, commit, code, from, into)
}

// open brings the repository here, and the commit that was asked for into it.
func (s *Source) open(ctx context.Context, code Code) (*Repo, string, error) {
	if dir, ok := folder(code.URL); ok && code.Copy == "" {
		r, err := s.Git.Open(ctx, dir)
		if errors.Is(err, ErrNoRepository) {
			return nil, "", fmt.Errorf("%w: commit its files first, or test the work tree as it is", err)
		}
		if err != nil {
			return nil, "", fmt.Errorf("%w%s", err, advice(err))
		}
		rev := cmp.Or(code.Commit, "HEAD")
		commit, err := r.Resolve(ctx, rev)
		if errors.Is(err, ErrNotFound) {
			err = fmt.Errorf("%q names no commit in %s: git log --all shows those that it has", rev, dir)
		}
		return r, commit, err
	}
	if !fullHash.MatchString(code.Commit) {
		return nil, "", fmt.Errorf("cannot fetch %q: a commit's full hash is needed", code.Commit)
	}
	var refs []string
	if code.Ref != "" {
		refs = append(refs, code.Ref)
	}
	r, err := s.mirror(ctx, code, refs...)
	if err != nil {
		return nil, "", err
	}
	return r, code.Commit, s.want(ctx, r, code)
}

// want proves that the commit that was asked for has arrived. The reference may have
// moved on meanwhile: what was asked for is tested.
func (s *Source) want(ctx context.Context, r *Repo, code Code) error {
	here, err := r.Has(ctx, code.Commit)
	if err != nil || here {
		return err
	}
	// A forced push took it out of every reference; some forges still give it.
	asked := r.fetchCommit(ctx, code.from(), code.Commit)
	if ctx.Err() != nil {
		return asked
	}
	if here, err = r.Has(ctx, code.Commit); err != nil || here {
		return err
	}
	now := ""
	if at, err := r.ref(ctx, code.Ref); err == nil && code.Ref != "" {
		now = fmt.Sprintf(" (%s is at %s now)", code.Ref, at)
	}
	return fmt.Errorf("commit %s is no longer in the repository%s: it was replaced by a forced push; ask again for the new one: %w", code.Commit, now, ErrNotFound)
}

// previous adds the release to upgrade from.
func (s *Source) previous(ctx context.Context, r *Repo, f Fetched, commit string, code Code, from, into string) (Fetched, error) {
	chosen, err := s.choose(ctx, r, &f, commit, code.Base, from)
	if err != nil || chosen.Tag == "" || chosen.Pre() {
		shallow, shallowErr := r.shallow(ctx)
		if shallowErr != nil {
			return Fetched{}, errors.Join(err, shallowErr)
		}
		if shallow {
			if whole, lacks := s.whole(ctx, code, r, commit); lacks == nil {
				r = whole
				chosen, err = s.choose(ctx, r, &f, commit, code.Base, from)
			} else if ctx.Err() != nil {
				return Fetched{}, lacks
			} else if err != nil {
				return Fetched{}, fmt.Errorf("%w (%w)", err, lacks)
			} else if chosen.Tag == "" {
				f.Unknown, f.NoPrevious = true, lacks.Error()
			}
		}
	}
	if err != nil || chosen.Tag == "" {
		return f, err
	}
	previous, err := r.release(ctx, chosen.Tag, chosen.Commit, filepath.Join(into, "previous"))
	if err != nil {
		return Fetched{}, err
	}
	f.Previous = &previous
	return f, nil
}

// choose finds the release to upgrade from, and says in f what it was chosen among. A
// version without a tag says that there is none.
func (s *Source) choose(ctx context.Context, r *Repo, f *Fetched, commit, base, from string) (Version, error) {
	var err error
	if f.Tags, err = r.Tags(ctx, s.Tags, ""); err != nil {
		return Version{}, err
	}
	if f.Base, err = r.fork(ctx, commit, base); err != nil {
		return Version{}, err
	}
	if from != "" {
		at, err := r.ref(ctx, "refs/tags/"+from)
		if err != nil {
			return Version{}, fmt.Errorf("cannot upgrade from %q: there is no such tag; published are: %s", from, listed(f.Tags.names()))
		}
		return Version{Tag: from, Commit: at}, nil
	}
	reachable, err := r.Versions(ctx, s.Tags, f.Base)
	if err != nil {
		return Version{}, err
	}
	chosen, ok := latest(reachable)
	if !ok {
		f.NoPrevious = f.Tags.passedOver(s.Tags)
	}
	return chosen, nil
}

// fork is the commit from which the change parts from its base. Where there is no
// base, it is the commit itself; where they share no history, the base, so that
// nobody gets around the upgrade by starting a history of their own.
func (r *Repo) fork(ctx context.Context, commit, base string) (string, error) {
	if base == "" {
		return commit, nil
	}
	tip, err := r.ref(ctx, "refs/heads/"+base)
	if errors.Is(err, ErrNotFound) {
		return commit, nil
	}
	if err != nil {
		return "", err
	}
	at, err := r.MergeBase(ctx, commit, tip)
	if errors.Is(err, ErrNotFound) {
		return tip, nil
	}
	return at, err
}

func (r *Repo) release(ctx context.Context, name, commit, dir string) (Release, error) {
	tree, err := r.Tree(ctx, commit)
	if err != nil {
		return Release{}, err
	}
	return Release{Name: name, Commit: commit, Tree: tree, Dir: dir}, r.Checkout(ctx, commit, dir)
}

// folder says whether the address is a folder on this machine.
func folder(address string) (string, bool) {
	if u, err := url.Parse(address); err == nil && u.Scheme == "file" && u.Host == "" {
		return u.Path, true
	} else if err == nil && strings.Contains(address, "://") {
		return "", false
	}
	return address, address != "" && !strings.HasPrefix(address, "-")
}

func listed(tags []string) string {
	if len(tags) == 0 {
		return "none"
	}
	const most = 10
	if len(tags) > most {
		tags = append(slices.Clone(tags[:most]), "…")
	}
	return strings.Join(tags, ", ")
}
