package intake

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"seatrial/bridge/forge"
)

// trouble is what goes wrong with one forge. A forge that is down fails every
// question; that is said once, and not once for each repository.
type trouble struct {
	mu     sync.Mutex
	counts map[string]int // kind → how many scopes meet it
}

func (t *trouble) begins(kind string) (first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[kind]++
	return t.counts[kind] == 1
}

func (t *trouble) ends(kind string) (last bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[kind]--
	return t.counts[kind] == 0
}

// complaint logs what goes wrong with one scope, once per kind of error, and when
// it is over.
type complaint struct {
	log   *slog.Logger
	all   *trouble
	scope string
	kind  string
}

func (c *complaint) about(err error) {
	kind := kindOf(err)
	if errors.Is(err, forge.ErrNotFound) || errors.Is(err, forge.ErrForbidden) {
		kind += " " + c.scope // another one's does not tell about this
	}
	if kind == c.kind {
		return
	}
	c.release()
	c.kind = kind
	level := slog.LevelDebug
	if c.all.begins(kind) {
		level = slog.LevelWarn
	}
	c.log.Log(context.Background(), level, "cannot read new comments; nothing is lost, will try again", "err", err)
}

func (c *complaint) over() {
	if c.kind == "" {
		return
	}
	level := slog.LevelDebug
	if c.release() {
		level = slog.LevelInfo
	}
	c.log.Log(context.Background(), level, "new comments can be read again")
}

// release forgets the complaint, and says whether nobody else has it.
func (c *complaint) release() (last bool) {
	if c.kind != "" {
		last = c.all.ends(c.kind)
	}
	c.kind = ""
	return last
}
