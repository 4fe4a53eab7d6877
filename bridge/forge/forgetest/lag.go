package forgetest

import "time"

// LagSearch stops the index that the search of issues goes through: what changes from now
// on is not found until the lag ends, although lists have it.
func (s *Server) LagSearch(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.indexed = time.Time{}
	if on {
		s.indexed = s.time()
	}
}

// isIndexed says whether the search knows an issue as it is.
func (s *Server) isIndexed(i *issue) bool { return s.indexed.IsZero() || !i.updated.After(s.indexed) }
