package forgetest

import (
	"fmt"

	"seatrial/bridge/forge"
)

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
