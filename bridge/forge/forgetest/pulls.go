package forgetest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"seatrial/bridge/forge"
)

func (s *Server) AddIssue(at forge.Repo, author, title string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.repo(at.Owner, at.Name)
	if err != nil {
		return 0, err
	}
	u, err := s.user(author)
	if err != nil {
		return 0, err
	}
	return s.addIssue(r, u, title, "").number, nil
}

func (s *Server) addIssue(r *repo, author *user, title, body string) *issue {
	i := &issue{
		id: s.nextID(), repo: r, number: len(r.issues) + 1, title: title, body: body,
		author: author, created: s.time(), updated: s.time(), open: true,
	}
	r.issues = append(r.issues, i)
	return i
}

// AddEmptyPull opens a pull request without any commits, to measure with.
func (s *Server) AddEmptyPull(at forge.Repo, author, title string) (int, error) {
	n, err := s.AddIssue(at, author, title)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.issue(at.Owner, at.Name, n)
	if err != nil {
		return 0, err
	}
	i.pull = &pull{branch: "change", base: i.repo.defaultBranch}
	name := forkName(author, i.repo.name)
	s.forks[name] = append(s.forks[name], i)
	return n, nil
}

func (s *Server) OpenPull(p NewPull) (int, error) {
	defer s.settle()
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.repo(p.Repo.Owner, p.Repo.Name)
	if err != nil {
		return 0, err
	}
	author, err := s.user(p.Author)
	if err != nil {
		return 0, err
	}
	head, err := fetch(r, p.Dir, p.Ref, fmt.Sprintf("refs/pull/%d/head", len(r.issues)+1))
	if err != nil {
		return 0, err
	}
	p.Branch = cmp.Or(p.Branch, "change")
	s.pushed(r.dir)
	commits, err := revisions(r.dir, head, "^"+r.defaultBranch)
	if err != nil {
		return 0, err
	}
	i := s.addIssue(r, author, p.Title, p.Body)
	i.pull = &pull{branch: p.Branch, base: r.defaultBranch, head: head, noted: head}
	name := forkName(author.Login, r.name)
	s.forks[name] = append(s.forks[name], i)
	i.pull.moves = []*move{s.newMove(r, author, "refs/heads/"+p.Branch, "", head)}
	if len(commits) > 0 {
		i.pull.pushes = []*push{{id: s.nextID(), by: author, at: s.time(), commits: commits}}
	}
	s.saidPull(i, author, "opened", "")
	return i.number, nil
}

// Push implements World. While the server is told to lag, the new head is not noted yet.
func (s *Server) Push(at forge.Repo, n int, dir, ref string) (string, error) {
	defer s.settle()
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.pull(at, n)
	if err != nil {
		return "", err
	}
	p := i.pull
	if p.forkGone {
		return "", errors.New("the fork was deleted")
	}
	commit, err := fetch(i.repo, dir, ref, "")
	if err != nil || commit == p.head {
		return commit, err
	}
	before := p.head
	p.head = commit
	s.pushed(i.repo.dir)
	p.moves = append(p.moves, s.newMove(i.repo, i.author, "refs/heads/"+p.branch, before, commit))
	if !i.open {
		return commit, nil
	}
	when := s.time()
	note := func() error { return s.notePush(i, before, commit, when) }
	if s.lagging {
		p.waiting = append(p.waiting, func() error { when = s.time(); return note() })
		return commit, nil
	}
	return commit, note()
}

// Lag makes pushes show on pull requests at once, but in their timelines and references
// only when the lag ends: Gitea does that part in a queue.
func (s *Server) Lag(on bool) error {
	defer s.settle()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lagging = on
	if on {
		return nil
	}
	var errs []error
	for _, r := range s.repos {
		for _, i := range r.issues {
			if i.pull == nil {
				continue
			}
			for _, note := range i.pull.waiting {
				errs = append(errs, note())
			}
			i.pull.waiting = nil
		}
	}
	return errors.Join(errs...)
}

// notePush does what Gitea's queue does after a push: move the reference, write the timeline.
func (s *Server) notePush(i *issue, before, after string, when time.Time) error {
	r, p := i.repo, i.pull
	if _, err := Git(r.dir, "update-ref", fmt.Sprintf("refs/pull/%d/head", i.number), after); err != nil {
		return err
	}
	p.noted = after
	i.updated = when
	s.pushed(r.dir)
	s.saidPull(i, i.author, "synchronize", before)
	if isAncestor(r.dir, before, after) {
		commits, err := revisions(r.dir, after, "^"+before, "^"+p.base)
		if err == nil && len(commits) > 0 {
			p.pushes = append(p.pushes, &push{id: s.nextID(), by: i.author, at: when, commits: commits})
		}
		return err
	}
	// A forced push drops what it made disappear from earlier entries, adds an entry for
	// what is new, and one that names both heads.
	commits, err := revisions(r.dir, after, "^"+p.base)
	if err != nil {
		return err
	}
	fresh := slices.Clone(commits)
	kept := p.pushes[:0]
	for _, old := range p.pushes {
		if !old.forced {
			old.commits = slices.DeleteFunc(old.commits, func(c string) bool { return !slices.Contains(commits, c) })
			fresh = slices.DeleteFunc(fresh, func(c string) bool { return slices.Contains(old.commits, c) })
			if len(old.commits) == 0 {
				continue
			}
		}
		kept = append(kept, old)
	}
	p.pushes = kept
	if len(fresh) > 0 {
		p.pushes = append(p.pushes, &push{id: s.nextID(), by: i.author, at: when, commits: fresh})
	}
	p.pushes = append(p.pushes, &push{id: s.nextID(), by: i.author, at: when, forced: true, commits: []string{before, after}})
	return nil
}

func (s *Server) pull(at forge.Repo, n int) (*issue, error) {
	i, err := s.issue(at.Owner, at.Name, n)
	if err == nil && i.pull == nil {
		err = fmt.Errorf("%s#%d is no pull request", at, n)
	}
	return i, err
}

func (s *Server) ClosePull(at forge.Repo, n int) error {
	defer s.settle()
	return s.inPull(at, n, func(i *issue) error {
		i.open, i.updated = false, s.time()
		s.saidPull(i, i.author, "closed", "")
		return nil
	})
}

// Merge implements World. It makes a merge commit on the base branch.
func (s *Server) Merge(at forge.Repo, n int) error {
	defer s.settle()
	return s.inPull(at, n, func(i *issue) error {
		dir, p := i.repo.dir, i.pull
		if !i.open {
			return fmt.Errorf("%s#%d is closed", at, n)
		}
		base := "refs/heads/" + p.base
		merge, err := mergeCommit(dir, base, i)
		if err != nil {
			return fmt.Errorf("cannot merge %s#%d: %w", at, n, err)
		}
		if _, err := Git(dir, "update-ref", base, merge); err != nil {
			return err
		}
		s.pushed(dir)
		s.moveBranch(i.repo, nil, base, s.parent(i.repo, merge), merge)
		p.merge = merge
		i.open, p.merged, i.updated = false, true, s.time()
		s.saidPull(i, i.author, "closed", "")
		return nil
	})
}

// DeleteFork implements World. As in Gitea, the pull request is closed by it.
func (s *Server) DeleteFork(at forge.Repo, n int) error {
	defer s.settle()
	return s.inPull(at, n, func(i *issue) error {
		i.pull.forkGone = true
		i.open, i.updated = false, s.time()
		s.saidPull(i, i.author, "closed", "")
		return nil
	})
}
