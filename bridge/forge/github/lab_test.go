package github

import (
	"bytes"
	"log/slog"
	"sync"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
)

// lab is a fake GitHub with an organisation, a repository and a pull request without
// commits, and an adapter in the bot's name whose log is kept. Its clock can be set.
type lab struct {
	*testing.T
	server *forgetest.Server
	forge  *Forge
	token  string
	repo   forge.Repo
	pull   int
	log    *syncBuffer

	mu    sync.Mutex
	ahead time.Duration
}

// syncBuffer is a buffer for many goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newLab(t *testing.T) *lab {
	t.Helper()
	return newLabOf(t, true)
}

// newLabOf is newLab with a server that does, or does not, let writes follow each other
// at once.
func newLabOf(t *testing.T, hurry bool) *lab {
	t.Helper()
	l := &lab{T: t, server: forgetest.NewServerOf(t, forgetest.Options{Kind: forgetest.GitHub, Hurry: hurry}), log: &syncBuffer{}}
	for _, login := range []string{"bot", "alice"} {
		_, err := l.server.AddUser(login)
		noError(t, err)
	}
	noError(t, l.server.AddOrg("coop"))
	noError(t, l.server.AddMember("coop", "bot", forgetest.Write))
	noError(t, l.server.AddMember("coop", "alice", forgetest.Read))
	l.repo = l.server.AddEmptyRepos("coop", "app", 1)[0]
	var err error
	l.pull, err = l.server.AddEmptyPull(l.repo, "alice", "a change")
	noError(t, err)
	l.token, err = l.server.Token("bot")
	noError(t, err)
	pause := time.Millisecond
	if !hurry {
		pause = DefaultWritePause
	}
	l.forge = l.with(Config{Token: func() string { return l.token }, WritePause: pause})
	return l
}

// with is an adapter for the lab's server.
func (l *lab) with(c Config) *Forge {
	l.Helper()
	c.ID, c.URL = l.server.ID(), l.server.URL()+"/"
	c.Log = slog.New(slog.NewTextHandler(l.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c.Timeout, c.RetryPause, c.Now = 2*time.Second, time.Millisecond, l.now
	if c.WritePause == 0 {
		c.WritePause = time.Millisecond
	}
	f, err := New(c)
	noError(l.T, err)
	return f
}

func (l *lab) now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Add(l.ahead)
}

// later puts both clocks ahead.
func (l *lab) later(by time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ahead += by
	l.server.SetClock(l.ahead)
}

func (l *lab) say(body string) int64 {
	l.Helper()
	id, err := l.server.Comment(l.repo, l.pull, "alice", body)
	noError(l.T, err)
	return id
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
