package forgetest

import (
	"fmt"
	"strings"
	"time"
)

// past remembers what git said about a repository, until something is pushed to it:
// a benchmark asks hundreds of repositories the same again and again.
type past struct {
	heads   map[string]string // by reference
	lists   map[string][]gitCommit
	lengths map[string]int
}

type gitCommit struct {
	sha, tree         string
	parents           []string
	author, committer signature
	message           string
}

type signature struct {
	name, email string
	at          time.Time
}

// past is what is known about the git repository in a folder.
func (s *Server) past(dir string) *past {
	p := s.pasts[dir]
	if p == nil {
		p = &past{heads: map[string]string{}, lists: map[string][]gitCommit{}, lengths: map[string]int{}}
		s.pasts[dir] = p
	}
	return p
}

// pushed forgets what is known about a folder, since something in it has changed.
func (s *Server) pushed(dir string) { delete(s.pasts, dir) }

// head is the commit that a reference of a repository leads to; "" if there is none.
func (s *Server) head(r *repo, ref string) string {
	if r.dir == "" {
		return ""
	}
	p := s.past(r.dir)
	head, known := p.heads[ref]
	if !known {
		head, _ = commitOf(r.dir, ref)
		p.heads[ref] = head
	}
	return head
}

func (s *Server) branches(r *repo) []string {
	if r.dir == "" {
		return nil
	}
	out, err := Git(r.dir, "for-each-ref", "--format=%(refname:strip=2)", "refs/heads")
	if err != nil {
		return nil
	}
	return strings.Fields(out)
}

// commits lists what git log says, at most n after the first skip ones, newest first.
func (s *Server) commits(r *repo, skip, n int, revisions ...string) ([]gitCommit, error) {
	p := s.past(r.dir)
	key := fmt.Sprint(skip, n, revisions)
	if list, known := p.lists[key]; known {
		return list, nil
	}
	args := []string{"log", "-z", fmt.Sprintf("--skip=%d", skip), fmt.Sprintf("--max-count=%d", n),
		"--format=%H%x1f%T%x1f%P%x1f%an%x1f%ae%x1f%aI%x1f%cn%x1f%ce%x1f%cI%x1f%B", "--end-of-options"}
	out, err := Git(r.dir, append(args, revisions...)...)
	if err != nil {
		return nil, err
	}
	list := []gitCommit{}
	for line := range strings.SplitSeq(out, "\x00") {
		if f := strings.Split(line, "\x1f"); len(f) == 10 {
			list = append(list, gitCommit{
				sha: f[0], tree: f[1], parents: strings.Fields(f[2]), message: strings.TrimSpace(f[9]),
				author: signed(f[3:6]), committer: signed(f[6:9]),
			})
		}
	}
	p.lists[key] = list
	return list, nil
}

// commit is what git says of one.
func (s *Server) commit(r *repo, revision string) (gitCommit, bool) {
	found, err := s.commits(r, 0, 1, revision)
	if err != nil || len(found) != 1 {
		return gitCommit{}, false
	}
	return found[0], true
}

func signed(f []string) signature {
	at, _ := time.Parse(time.RFC3339, f[2])
	return signature{name: f[0], email: f[1], at: at.UTC()}
}

// length counts the commits that lead to one.
func (s *Server) length(r *repo, commit string) int {
	p := s.past(r.dir)
	n, known := p.lengths[commit]
	if !known {
		out, _ := Git(r.dir, "rev-list", "--count", "--end-of-options", commit)
		n = atoi(out)
		p.lengths[commit] = n
	}
	return n
}
