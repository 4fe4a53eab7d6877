package gitea_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"seatrial/bridge/forge/forgetest"
	"seatrial/bridge/forge/forgetest/realgitea"
	"seatrial/bridge/forge/gitea"
)

func adapterFor(t *testing.T, url string) func(token string) forgetest.Adapter {
	return func(token string) forgetest.Adapter {
		f, err := gitea.New(gitea.Config{ID: forgetest.ForgeID, URL: url, Token: func() string { return token }, RetryPause: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
}

func TestContractAgainstTheFake(t *testing.T) {
	t.Parallel()
	forgetest.Contract(t, func(t *testing.T) forgetest.Fixture {
		t.Parallel()
		server := forgetest.NewServer(t)
		var ahead atomic.Int64
		return forgetest.Fixture{
			World:   server,
			Adapter: adapterFor(t, server.URL()),
			Traits:  forgetest.GiteaTraits,
			Tick:    func() { server.SetClock(time.Duration(ahead.Add(2)) * time.Second) },
		}
	})
}

// One Gitea serves all the tests: each has an organisation and people of its own.
func TestARealGitea(t *testing.T) {
	t.Parallel()
	server := realgitea.New(t)
	t.Run("contract", func(t *testing.T) {
		t.Parallel()
		var n atomic.Int64
		forgetest.Contract(t, func(t *testing.T) forgetest.Fixture {
			t.Parallel()
			return forgetest.Fixture{
				World:   server,
				Adapter: adapterFor(t, server.URL()),
				Traits:  forgetest.GiteaTraits,
				Tick:    func() { time.Sleep(1100 * time.Millisecond) },
				Suffix:  fmt.Sprint(n.Add(1)),
			}
		})
	})
	t.Run("examine", func(t *testing.T) {
		t.Parallel()
		examine(t, server)
	})
	t.Run("a private repository is copied", func(t *testing.T) {
		t.Parallel()
		copyPrivate(t, server)
	})
}
