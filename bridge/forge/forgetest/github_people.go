package forgetest

import (
	"fmt"
	"strings"

	"seatrial/bridge/forge"
)

// AddTeam makes a team of members of an organisation.
func (s *Server) AddTeam(orgName, team string, logins ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.orgs[strings.ToLower(orgName)]
	if o == nil {
		return fmt.Errorf("there is no organisation %s", orgName)
	}
	members := map[string]bool{}
	for _, login := range logins {
		if _, err := s.user(login); err != nil {
			return err
		}
		members[strings.ToLower(login)] = true
	}
	if o.teams == nil {
		o.teams = map[string]map[string]bool{}
	}
	o.teams[strings.ToLower(team)] = members
	return nil
}

// SetDraft makes a pull request a draft, or ready.
func (s *Server) SetDraft(at forge.Repo, n int, draft bool) error {
	return s.inPull(at, n, func(i *issue) error {
		i.pull.draft, i.updated = draft, s.time()
		return nil
	})
}

// SetLocked lets only those comment who may write to the repository.
func (s *Server) SetLocked(at forge.Repo, n int, locked bool) error {
	return s.inIssue(at, n, func(i *issue) error {
		i.locked, i.updated = locked, s.time()
		return nil
	})
}

// SetPrivate hides a repository from everybody outside its organisation.
func (s *Server) SetPrivate(at forge.Repo, private bool) error {
	return s.inRepo(at, func(r *repo) error {
		r.private = private
		return nil
	})
}

// RenameRepo gives a repository another name, or (with another organisation as its owner)
// another home. Who asks for the old one is sent to the new one.
func (s *Server) RenameRepo(at forge.Repo, owner, name string) (forge.Repo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.repo(at.Owner, at.Name)
	if err != nil {
		return forge.Repo{}, err
	}
	if _, err := s.repo(owner, name); err == nil {
		return forge.Repo{}, fmt.Errorf("there is already a repository %s/%s", owner, name)
	}
	old, renamed := strings.ToLower(r.owner+"/"+r.name), strings.ToLower(owner+"/"+name)
	delete(s.repos, old)
	delete(s.hub.moved, renamed)
	r.owner, r.name = owner, name
	s.repos[renamed], s.hub.moved[old] = r, r
	return forge.Repo{Forge: s.ID(), Owner: owner, Name: name}, nil
}

// RenameUser gives somebody another login. The number stays.
func (s *Server) RenameUser(login, to string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.user(login)
	if err != nil {
		return err
	}
	old, renamed := strings.ToLower(login), strings.ToLower(to)
	if s.users[renamed] != nil {
		return fmt.Errorf("there is already somebody called %s", to)
	}
	delete(s.users, old)
	delete(s.renamed, renamed)
	u.Login, s.users[renamed], s.renamed[old] = to, u, u
	for _, o := range s.orgs {
		if access, is := o.members[old]; is {
			delete(o.members, old)
			o.members[renamed] = access
		}
		for _, team := range o.teams {
			if team[old] {
				delete(team, old)
				team[renamed] = true
			}
		}
	}
	return nil
}
