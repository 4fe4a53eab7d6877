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
				f, err := github.New(github.Config{
					ID: server.ID(), URL: server.URL(), Token: func() string { return token },
					RetryPause: time.Millisecond, WritePause: time.Millisecond,
				})
				if err != nil {
					t.Fatal(err)
				}
				return f
			},
			Tick:   func() { server.SetClock(time.Duration(ahead.Add(2)) * time.Second) },
			Traits: forgetest.GitHubTraits,
		}
	})
}
