package github_test

import (
	"sync/atomic"
	"testing"
	"time"

	"seatrial/bridge/forge/forgetest"
	"seatrial/bridge/forge/github"
)

func TestContractAgainstTheFake(t *testing.T) {
	t.Parallel()
	forgetest.Contract(t, func(t *testing.T) forgetest.Fixture {
		t.Parallel()
		server := forgetest.NewServerOf(t, forgetest.Options{Kind: forgetest.GitHub, Hurry: true})
		var ahead atomic.Int64
		return forgetest.Fixture{
			World: server,
			Adapter: func(token string) forgetest.Adapter {
				return open(t, server, github.Config{Token: func() string { return token }})
			},
			AppAdapter: func(a forgetest.App) forgetest.Adapter {
				return open(t, server, github.Config{Apps: []github.App{{ID: a.ID, Key: func() []byte { return a.Key }}}})
			},
			Tick:   func() { server.SetClock(time.Duration(ahead.Add(2)) * time.Second) },
			Traits: forgetest.GitHubTraits,
		}
	})
}

// open makes an adapter that waits for nobody.
func open(t *testing.T, server *forgetest.Server, c github.Config) forgetest.Adapter {
	t.Helper()
	c.ID, c.URL = server.ID(), server.URL()
	c.RetryPause, c.WritePause = time.Millisecond, time.Millisecond
	f, err := github.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
