package forgetest

import (
	"cmp"
	"fmt"
	"strings"

	"seatrial/bridge/forge"
)

func (s *Server) AddRepo(owner, name, dir string) (forge.Repo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.orgs[strings.ToLower(owner)] == nil {
		return forge.Repo{}, fmt.Errorf("there is no organisation %s", owner)
	}
	if _, err := s.repo(owner, name); err == nil {
		return forge.Repo{}, fmt.Errorf("there is already a repository %s/%s", owner, name)
	}
	s.lastRepo++
	r := &repo{id: s.lastRepo, owner: owner, name: name, dir: s.repoDir(s.lastRepo), defaultBranch: "main"}
	if dir != "" {
		branch, err := Git(dir, "symbolic-ref", "--short", "HEAD")
		if err != nil {
			return forge.Repo{}, err
		}
		r.defaultBranch = branch
	}
	if _, err := Git(s.dir, "init", "--quiet", "--bare", "--initial-branch="+r.defaultBranch, r.dir); err != nil {
		return forge.Repo{}, err
	}
	// As Gitea has it: any commit can be fetched by its name, and without its files.
	for _, setting := range []string{"uploadpack.allowAnySHA1InWant", "uploadpack.allowFilter"} {
		if _, err := Git(r.dir, "config", setting, "true"); err != nil {
			return forge.Repo{}, err
		}
	}
	if dir != "" {
		if _, err := Git(r.dir, "fetch", "--quiet", "--no-auto-gc", dir, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"); err != nil {
			return forge.Repo{}, err
		}
	}
	s.keep(r)
	return forge.Repo{Forge: s.ID(), Owner: owner, Name: name}, nil
}

// AddEmptyRepos adds many repositories without anything in them, not even a git
// repository, to measure with.
func (s *Server) AddEmptyRepos(owner, prefix string, n int) []forge.Repo {
	s.mu.Lock()
	defer s.mu.Unlock()
	repos := make([]forge.Repo, n)
	for i := range n {
		s.lastRepo++
		r := &repo{id: s.lastRepo, owner: owner, name: fmt.Sprintf("%s%d", prefix, i), defaultBranch: "main"}
		s.keep(r)
		repos[i] = forge.Repo{Forge: s.ID(), Owner: owner, Name: r.name}
	}
	return repos
}

// AddTwins adds many repositories that share the git repository of another, to
// measure with: they have commits and cost no disk. Nothing may be pushed to them.
func (s *Server) AddTwins(of forge.Repo, prefix string, n int) ([]forge.Repo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, err := s.repo(of.Owner, of.Name)
	if err != nil {
		return nil, err
	}
	twins := make([]forge.Repo, n)
	for i := range n {
		s.lastRepo++
		r := &repo{id: s.lastRepo, owner: first.owner, name: fmt.Sprintf("%s%d", prefix, i), dir: first.dir, defaultBranch: first.defaultBranch}
		s.keep(r)
		twins[i] = forge.Repo{Forge: s.ID(), Owner: r.owner, Name: r.name}
	}
	return twins, nil
}

// DeleteRepo removes a repository.
func (s *Server) DeleteRepo(at forge.Repo) error {
	return s.inRepo(at, func(r *repo) error {
		r.deleted = true
		delete(s.repos, strings.ToLower(at.String()))
		return nil
	})
}

func (s *Server) PushBranch(at forge.Repo, branch, dir, ref string) error {
	defer s.settle()
	return s.inRepo(at, func(r *repo) error {
		name := "refs/heads/" + branch
		before := s.head(r, name)
		after, err := fetch(r, dir, ref, name)
		if err != nil {
			return err
		}
		s.pushed(r.dir)
		s.moveBranch(r, s.users[strings.ToLower(r.owner)], name, before, after)
		return nil
	})
}

// fetch brings a ref of another repository here, under a reference or none, and returns its commit.
func fetch(r *repo, dir, ref, to string) (string, error) {
	commit, err := commitOf(dir, ref)
	if err != nil {
		return "", err
	}
	to = cmp.Or(to, "refs/forge/"+commit) // as a fork's objects are kept: no branch shows them
	_, err = Git(r.dir, "fetch", "--quiet", "--no-auto-gc", "--no-tags", dir, "+"+commit+":"+to)
	return commit, err
}

// tags lists the published versions, newest first.
func (r *repo) tags() []string {
	if r.dir == "" {
		return nil
	}
	out, _ := Git(r.dir, "tag", "--sort=-creatordate")
	return strings.Fields(out)
}

// Archive makes a repository say that it is archived. What is written there is taken all
// the same: nobody who has seen that writes there.
func (s *Server) Archive(at forge.Repo) error {
	return s.inRepo(at, func(r *repo) error {
		r.archived = true
		return nil
	})
}
