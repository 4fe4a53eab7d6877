package secrets

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// keepEvery is how often the files of secrets are looked at. They are some bytes.
const keepEvery = 5 * time.Second

// Keep calls look every few seconds, and at once on SIGHUP, until the context ends.
func Keep(ctx context.Context, look func()) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
		case <-tick.C:
		}
		look()
	}
}
