package forgetest

import (
	"cmp"
	"slices"
	"time"

	"seatrial/bridge/forge"
)

// What the server remembers. Times are whole seconds, as in Gitea.

type user struct {
	forge.Person
	org bool
	bot bool // of an App
}

type org struct {
	user    *user
	members map[string]Access          // by login
	teams   map[string]map[string]bool // by slug; who is in one, by login
}

type repo struct {
	id            int64
	owner, name   string
	dir           string // a bare git repository
	defaultBranch string
	issues        []*issue // index is number-1
	statuses      []*status
	checks        []*check
	moves         []*move // of its branches
	hooks         []*hook
	deleted       bool
	private       bool
	archived      bool
}

type issue struct {
	id               int64
	repo             *repo
	number           int
	title, body      string
	author           *user
	created, updated time.Time
	open             bool
	locked           bool
	comments         []*comment
	pull             *pull // nil for a plain issue
}

type pull struct {
	branch   string // in the fork
	base     string
	head     string // of the fork's branch
	noted    string // what refs/pull/N/head holds: follows head, after a while
	merged   bool
	merge    string // the commit
	draft    bool
	forkGone bool
	moves    []*move // of the fork's branch
	pushes   []*push
	waiting  []func() error // pushes that are not noted yet
}

type comment struct {
	id               int64
	issue            *issue
	author           *user
	body             string
	created, updated time.Time
	reactions        []reaction
}

type reaction struct {
	by      *user
	content string
	at      time.Time
}

// move is one of a branch: what a push does to it.
type move struct {
	id            int64
	by            *user // nil is the forge itself
	at            time.Time
	ref           string
	before, after string
	kind          string // as GitHub calls it: push, force_push, branch_creation, pr_merge
}

// push is an entry of the timeline.
type push struct {
	id      int64
	by      *user
	at      time.Time
	forced  bool
	commits []string
}

type status struct {
	id      int64
	commit  string
	by      *user
	created time.Time
	forge.Status
}

func (i *issue) comment(id int64) *comment {
	for _, c := range i.comments {
		if c.id == id {
			return c
		}
	}
	return nil
}

// changedSince are the comments that were made or changed at a time or later, oldest first.
func (r *repo) changedSince(at time.Time) []*comment {
	found := []*comment{}
	for _, i := range r.issues {
		for _, k := range i.comments {
			if !k.updated.Before(at) {
				found = append(found, k)
			}
		}
	}
	slices.SortFunc(found, func(a, b *comment) int { return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.id, b.id)) })
	return found
}
