package forgetest

import (
	"seatrial/bridge/forge"
)

// AddMadeUpPull opens a pull request whose head is called so, without any such commit: what
// nobody fetches needs no git repository.
func (s *Server) AddMadeUpPull(at forge.Repo, author, title, head string) (int, error) {
	n, err := s.AddEmptyPull(at, author, title)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.pull(at, n)
	if err != nil {
		return 0, err
	}
	i.pull.head, i.pull.noted = head, head
	i.pull.pushes = []*push{{id: s.nextID(), by: i.author, at: s.time(), commits: []string{head}}}
	return n, nil
}

// MoveMadeUpHead is Push, with a commit that nobody made. While the server is told to lag,
// the timeline does not have it yet.
func (s *Server) MoveMadeUpHead(at forge.Repo, n int, head string) error {
	return s.inPull(at, n, func(i *issue) error {
		p := i.pull
		p.head = head
		note := func() error {
			i.updated, p.noted = s.time(), head
			p.pushes = append(p.pushes, &push{id: s.nextID(), by: i.author, at: s.time(), commits: []string{head}})
			return nil
		}
		if s.lagging {
			p.waiting = append(p.waiting, note)
			return nil
		}
		return note()
	})
}
