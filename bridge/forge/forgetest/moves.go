package forgetest

const noCommit = "0000000000000000000000000000000000000000"

// newMove describes what a push does to a branch. An empty commit is none.
func (s *Server) newMove(r *repo, by *user, ref, before, after string) *move {
	m := &move{id: s.nextID(), by: by, at: s.time(), ref: ref, before: before, after: after, kind: "push"}
	switch {
	case before == "":
		m.before, m.kind = noCommit, "branch_creation"
	case by == nil:
		m.kind = "pr_merge"
	case !isAncestor(r.dir, before, after):
		m.kind = "force_push"
	}
	return m
}

// moveBranch notes that a branch of the repository itself has moved.
func (s *Server) moveBranch(r *repo, by *user, ref, before, after string) {
	if before != after {
		m := s.newMove(r, by, ref, before, after)
		r.moves = append(r.moves, m)
		s.saidPush(r, m)
	}
}

// parent is the first parent of a commit.
func (s *Server) parent(r *repo, commit string) string { return s.head(r, commit+"^1") }
