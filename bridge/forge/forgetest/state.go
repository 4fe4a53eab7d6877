package forgetest

import (
	"time"

	"seatrial/bridge/forge"
)

// What the server remembers. Times are whole seconds, as in Gitea.

type user struct {
	forge.Person
	org bool
}

type org struct {
	user    *user
	members map[string]Access // by login
}

type repo struct {
	id            int64
	owner, name   string
	dir           string // a bare git repository
	defaultBranch string
	issues        []*issue // index is number-1
	statuses      []*status
	deleted       bool
}

type issue struct {
	id               int64
	repo             *repo
	number           int
	title, body      string
	author           *user
	created, updated time.Time
	open             bool
	comments         []*comment
	pull             *pull // nil for a plain issue
}

type pull struct {
	branch   string // in the fork
	base     string
	head     string // of the fork's branch
	noted    string // what refs/pull/N/head holds: follows head, after a while
	merged   bool
	forkGone bool
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
