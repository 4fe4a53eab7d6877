package forgetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"seatrial/bridge/forge"
)

func (s *Server) Comment(at forge.Repo, number int, author, body string) (int64, error) {
	defer s.settle()
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.issue(at.Owner, at.Name, number)
	if err != nil {
		return 0, err
	}
	u, err := s.user(author)
	if err != nil {
		return 0, err
	}
	return s.addComment(i, u, body).id, nil
}

func (s *Server) addComment(i *issue, author *user, body string) *comment {
	now := s.time()
	c := &comment{id: s.nextID(), issue: i, author: author, body: body, created: now, updated: now}
	i.comments = append(i.comments, c)
	i.updated = now
	s.saidComment(c, author, "created", "")
	return c
}

// errNotAllowed: somebody tried what they may not.
var errNotAllowed = errors.New("not allowed")

// EditComment implements World. The author may, and who may write to the repository;
// the comment stays its author's.
func (s *Server) EditComment(at forge.Repo, id int64, editor, body string) error {
	return s.change(at, id, editor, func(c *comment, by *user) { s.edit(c, by, body) })
}

// edit changes a comment's text. A second must have passed before the times tell.
func (s *Server) edit(c *comment, by *user, body string) {
	if c.body != body {
		before := c.body
		c.body, c.updated = body, s.time()
		s.saidComment(c, by, "edited", before)
	}
}

func (s *Server) DeleteComment(at forge.Repo, id int64, by string) error {
	return s.change(at, id, by, func(c *comment, by *user) {
		c.issue.comments = slices.DeleteFunc(c.issue.comments, func(o *comment) bool { return o == c })
		s.saidComment(c, by, "deleted", "")
	})
}

func (s *Server) change(at forge.Repo, id int64, by string, do func(c *comment, by *user)) error {
	defer s.settle()
	return s.inRepo(at, func(r *repo) error {
		u, err := s.user(by)
		if err != nil {
			return err
		}
		c := r.comment(id)
		if c == nil {
			return fmt.Errorf("there is no comment %d in %s", id, at)
		}
		if c.author != u && !s.mayWrite(r, u) {
			return fmt.Errorf("cannot change comment %d as %s: %w", id, by, errNotAllowed)
		}
		do(c, u)
		return nil
	})
}

func (s *Server) Comments(at forge.Repo, n int) (list []forge.Comment, err error) {
	err = s.inIssue(at, n, func(i *issue) error {
		list = make([]forge.Comment, 0, len(i.comments))
		for _, c := range i.comments {
			list = append(list, forge.Comment{
				Repo: at, Pull: n, ID: c.id, Author: c.author.Person, Body: c.body,
				Created: c.created, Updated: c.updated, URL: s.commentURL(c),
			})
		}
		return nil
	})
	return list, err
}

func (s *Server) Reactions(at forge.Repo, id int64) (list []string, err error) {
	err = s.inRepo(at, func(r *repo) error {
		c := r.comment(id)
		if c == nil {
			return fmt.Errorf("there is no comment %d in %s", id, at)
		}
		for _, reaction := range c.reactions {
			list = append(list, reaction.content)
		}
		return nil
	})
	return list, err
}

func (s *Server) Statuses(at forge.Repo, commit string) (list []forge.Status, err error) {
	err = s.inRepo(at, func(r *repo) error {
		for _, k := range slices.Backward(r.checks) { // as an App says it
			if k.commit == commit {
				list = append(list, k.asStatusOf())
			}
		}
		for _, st := range slices.Backward(r.statuses) {
			if st.commit == commit {
				list = append(list, st.Status)
			}
		}
		return nil
	})
	return list, err
}

// Age makes a pull request older, with all comments and pushes that it has by now, so that
// a test need not wait for the server's whole seconds.
func (s *Server) Age(at forge.Repo, n int, by time.Duration) error {
	return s.inIssue(at, n, func(i *issue) error {
		by = by.Truncate(time.Second)
		i.created, i.updated = i.created.Add(-by), i.updated.Add(-by)
		for _, c := range i.comments {
			c.created, c.updated = c.created.Add(-by), c.updated.Add(-by)
		}
		if i.pull != nil {
			for _, p := range i.pull.pushes {
				p.at = p.at.Add(-by)
			}
		}
		return nil
	})
}
