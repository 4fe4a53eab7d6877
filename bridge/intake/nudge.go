package intake

import (
	"context"
	"strings"
	"sync"
	"time"

	"seatrial/bridge/forge"
	"seatrial/internal/pause"
)

// LookAt reads one repository's new comments now, as its sweep does: from the same
// cursor, and never at the same time. A repository that is not enrolled is left alone.
// An error loses nothing, for the sweep comes round. A forge that asks us to wait is not
// waited for here, which is a LimitedError; the repository's turn comes soon after. Safe
// for concurrent use.
func (p *Poller) LookAt(ctx context.Context, repo forge.Repo) error {
	s, repo, ok := p.find(repo)
	if !ok {
		return nil
	}
	if err := p.paces[s.Forge].refuses(repo); err != nil {
		return err
	}
	return p.read(ctx, s, forge.Repository(repo))
}

// LookFor is LookAt for the sake of one comment. A forge may tell of a comment before its
// list shows it: then it looks once more, a little later.
func (p *Poller) LookFor(ctx context.Context, repo forge.Repo, comment int64) error {
	err := p.LookAt(ctx, repo)
	s, repo, ok := p.find(repo)
	if err != nil || !ok || p.newest.seen(s.Forge, repo) >= comment {
		return err
	}
	_ = pause.For(ctx, listLag, nil)
	return p.LookAt(ctx, repo)
}

// listLag is what a list that is copied from place to place is given to catch up.
const listLag = 2 * time.Second

// newestComments is the highest number of a comment that was read of each repository since the
// start. Numbers ascend.
type newestComments struct {
	mu sync.Mutex
	of map[string]int64
}

func (n *newestComments) saw(c forge.Comment) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.of == nil {
		n.of = map[string]int64{}
	}
	key := c.Repo.Forge + ":" + strings.ToLower(c.Repo.String())
	n.of[key] = max(n.of[key], c.ID)
}

func (n *newestComments) seen(forgeID string, repo forge.Repo) int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.of[forgeID+":"+strings.ToLower(repo.String())]
}

// BranchMoved reads the trees of a repository's default branch now. As LookAt otherwise.
func (p *Poller) BranchMoved(ctx context.Context, repo forge.Repo) error {
	s, repo, ok := p.find(repo)
	if !ok {
		return nil
	}
	if err := p.paces[s.Forge].refuses(repo); err != nil {
		return err
	}
	return p.readTrees(ctx, s, repo)
}

// find tells an enrolled repository's source, and how its enrolment spells it: that is
// what cursors and trees are kept under.
func (p *Poller) find(repo forge.Repo) (Source, forge.Repo, bool) {
	for _, s := range p.Sources {
		if s.Forge != repo.Forge {
			continue
		}
		for _, enrolled := range p.enrolled(s) {
			if found, ok := forge.Repository(enrolled).Find(repo); ok {
				return s, found, true
			}
		}
	}
	return Source{}, forge.Repo{}, false
}

// scopeTurns lets one at a time read a scope: a cursor that two moved at once could go back.
type scopeTurns struct {
	mu sync.Mutex
	of map[string]chan struct{}
}

// take waits for the scope's turn. The caller gives it back.
func (t *scopeTurns) take(ctx context.Context, scope string) (giveBack func(), err error) {
	t.mu.Lock()
	if t.of == nil {
		t.of = map[string]chan struct{}{}
	}
	turn := t.of[scope]
	if turn == nil {
		turn = make(chan struct{}, 1)
		t.of[scope] = turn
	}
	t.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
