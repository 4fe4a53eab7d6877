package intake

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"seatrial/bridge/forge"
)

// failureCounts is what goes wrong with one forge. A forge that is down fails every
// question; that is said once, and not once for each repository.
type failureCounts struct {
	mu     sync.Mutex
	counts map[string]int // kind → how many scopes meet it
}

func (c *failureCounts) begin(kind string) (first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[kind]++
	return c.counts[kind] == 1
}

func (c *failureCounts) end(kind string) (last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[kind]--
	return c.counts[kind] == 0
}

// failureLog logs what goes wrong with one scope, once per kind of error, and when
// it is over.
type failureLog struct {
	log   *slog.Logger // shared: one with its own words for each of a thousand is half a MiB
	forge string
	what  string // repo or org
	name  string // of it
	all   *failureCounts
	scope string
	kind  string
}

func (f *failureLog) begins(err error) {
	kind := kindOf(err)
	if errors.Is(err, forge.ErrNotFound) || errors.Is(err, forge.ErrForbidden) {
		kind += " " + f.scope // another one's does not tell about this
	}
	if kind == f.kind {
		return
	}
	f.release()
	f.kind = kind
	level := slog.LevelDebug
	if f.all.begin(kind) {
		level = slog.LevelWarn
	}
	f.log.Log(context.Background(), level, "cannot read new comments; nothing is lost, will try again", "forge", f.forge, f.what, f.name, "err", err)
}

func (f *failureLog) ends() {
	if f.kind == "" {
		return
	}
	level := slog.LevelDebug
	if f.release() {
		level = slog.LevelInfo
	}
	f.log.Log(context.Background(), level, "new comments can be read again", "forge", f.forge, f.what, f.name)
}

// release forgets the failure, and says whether nobody else has it.
func (f *failureLog) release() (last bool) {
	if f.kind != "" {
		last = f.all.end(f.kind)
	}
	f.kind = ""
	return last
}
