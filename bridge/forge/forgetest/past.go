package forgetest

import (
	"fmt"
	"strings"
	"time"
)

// past remembers what git said about a repository, by the question, until something is
// pushed to it: a benchmark asks hundreds of repositories the same again and again.
type past map[string]said

type said struct {
	out string
	err error
}

// gitCommit is a commit as git has it.
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

// ask asks git about the repository in a folder, once.
func (s *Server) ask(dir string, args ...string) (string, error) {
	if s.pasts[dir] == nil {
		s.pasts[dir] = past{}
	}
	key := strings.Join(args, "\x00")
	answer, known := s.pasts[dir][key]
	if !known {
		answer.out, answer.err = Git(dir, args...)
		s.pasts[dir][key] = answer
	}
	return answer.out, answer.err
}

// pushed forgets what is known about a folder, since something in it has changed.
func (s *Server) pushed(dir string) { delete(s.pasts, dir) }

// head is the commit that a reference of a repository leads to; "" if there is none.
func (s *Server) head(r *repo, ref string) string {
	if r.dir == "" {
		return ""
	}
	head, _ := s.ask(r.dir, toCommit(ref)...)
	return head
}

// branches lists a repository's branches by name.
func (s *Server) branches(r *repo) []string {
	if r.dir == "" {
		return nil
	}
	out, _ := s.ask(r.dir, "for-each-ref", "--format=%(refname:strip=2)", "refs/heads")
	return strings.Fields(out)
}

// commits lists what git log says, at most n after the first skip ones, newest first.
func (s *Server) commits(r *repo, skip, n int, revisions ...string) ([]gitCommit, error) {
	args := []string{"log", "-z", fmt.Sprintf("--skip=%d", skip), fmt.Sprintf("--max-count=%d", n),
		"--format=%H%x1f%T%x1f%P%x1f%an%x1f%ae%x1f%aI%x1f%cn%x1f%ce%x1f%cI%x1f%B", "--end-of-options"}
	out, err := s.ask(r.dir, append(args, revisions...)...)
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
	return list, nil
}

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
	out, _ := s.ask(r.dir, "rev-list", "--count", "--end-of-options", commit)
	return atoi(out)
}
