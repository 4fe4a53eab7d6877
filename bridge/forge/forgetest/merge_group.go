package forgetest

import (
	"errors"
	"fmt"
	"strings"

	"seatrial/bridge/forge"
)

// MergeGroup makes what GitHub's merge queue makes of pull requests: a branch that has them
// all merged onto the base, one after the other, named after the last. It tells hooks that
// checks of it are asked for, and returns the branch's reference and commit.
func (s *Server) MergeGroup(at forge.Repo, pulls ...int) (ref, commit string, err error) {
	defer s.settle()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(pulls) == 0 {
		return "", "", errors.New("a merge group needs a pull request")
	}
	var last *issue
	for _, n := range pulls {
		if last, err = s.pull(at, n); err != nil {
			return "", "", err
		}
		if commit == "" {
			commit = s.head(last.repo, "refs/heads/"+last.pull.base)
		}
		if commit, err = mergeCommit(last.repo.dir, commit, last); err != nil {
			return "", "", fmt.Errorf("cannot merge %s#%d: %w", at, n, err)
		}
	}
	r, base := last.repo, last.pull.base
	baseCommit := s.head(r, "refs/heads/"+base)
	ref = fmt.Sprintf("refs/heads/gh-readonly-queue/%s/pr-%d-%s", base, last.number, baseCommit)
	before := s.head(r, ref)
	if _, err := Git(r.dir, "update-ref", ref, commit); err != nil {
		return "", "", err
	}
	s.pushed(r.dir)
	s.moveBranch(r, s.users[strings.ToLower(r.owner)], ref, before, commit)
	s.saidMergeGroup(r, last, ref, commit, baseCommit)
	return ref, commit, nil
}

func (s *Server) saidMergeGroup(r *repo, last *issue, ref, commit, base string) {
	s.announce(r, hookKind{event: "merge_group", action: "checks_requested"}, func() object {
		group := object{"head_ref": ref, "head_sha": commit, "base_ref": "refs/heads/" + last.pull.base, "base_sha": base}
		if g, ok := s.commit(r, commit); ok {
			group["head_commit"] = object{
				"id": g.sha, "tree_id": g.tree, "message": g.message, "timestamp": stamp(g.committer.at),
				"author":    object{"name": g.author.name, "email": g.author.email},
				"committer": object{"name": g.committer.name, "email": g.committer.email},
			}
		}
		return s.ghEvent(r, last.author, object{"action": "checks_requested", "merge_group": group})
	})
}

// mergeCommit merges a pull request's head into a commit.
func mergeCommit(dir, base string, i *issue) (string, error) {
	head := i.pull.head
	tree := head + "^{tree}"
	var err error
	if !isAncestor(dir, base, head) {
		tree, err = Git(dir, "merge-tree", "--write-tree", base, head)
	} else {
		tree, err = Git(dir, "rev-parse", tree)
	}
	if err != nil {
		return "", err
	}
	return Git(dir, "commit-tree", tree, "-p", base, "-p", head, "-m", fmt.Sprintf("Merge pull request '%s' (#%d)", i.title, i.number))
}
