package forgetest

import (
	"fmt"
	"strings"

	"seatrial/bridge/forge"
)

func (s *Server) AddUser(login string) (forge.Person, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.addUser(login, false)
	if err != nil {
		return forge.Person{}, err
	}
	return u.Person, nil
}

func (s *Server) addUser(login string, org bool) (*user, error) {
	key := strings.ToLower(login)
	if s.users[key] != nil {
		return nil, fmt.Errorf("there is already somebody called %s", login)
	}
	u := &user{Person: forge.Person{ID: int64(len(s.users) + 1), Login: login}, org: org}
	s.users[key] = u
	return u, nil
}

func (s *Server) AddOrg(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.addUser(name, true)
	if err != nil {
		return err
	}
	s.orgs[strings.ToLower(name)] = &org{user: u, members: map[string]Access{}}
	return nil
}

func (s *Server) AddMember(orgName, login string, access Access) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.orgs[strings.ToLower(orgName)]
	if o == nil {
		return fmt.Errorf("there is no organisation %s", orgName)
	}
	if _, err := s.user(login); err != nil {
		return err
	}
	o.members[strings.ToLower(login)] = access
	return nil
}

func (s *Server) RemoveMember(orgName, login string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.orgs[strings.ToLower(orgName)]
	if o == nil {
		return fmt.Errorf("there is no organisation %s", orgName)
	}
	delete(o.members, strings.ToLower(login))
	return nil
}

func (s *Server) Token(login string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.user(login)
	if err != nil {
		return "", err
	}
	token := newToken()
	if s.kind == GitHub {
		token = "github_pat_" + token
	}
	s.tokens[token] = u
	return token, nil
}

// RevokeToken makes a token worthless.
func (s *Server) RevokeToken(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, token)
}
