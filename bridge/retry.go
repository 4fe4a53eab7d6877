package bridge

import (
	"context"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"

	"seatrial/bridge/forge"
)

// again tries until it worked or the context ended. An error is logged when it
// begins and when its text changes.
func again(ctx context.Context, log *slog.Logger, what string, longest time.Duration, try func() error) {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = time.Second, longest
	said := ""
	for ctx.Err() == nil {
		err := try()
		if err == nil || ctx.Err() != nil {
			return
		}
		if text := err.Error(); text != said {
			said = text
			log.Error("cannot "+what+" yet; will try again", "err", err)
		}
		pause := pauses.NextBackOff()
		if wait, limited := forge.Wait(err, time.Now()); limited {
			pause = wait
		}
		sleep(ctx, pause, nil)
	}
}

// sleep waits for a time, a wake-up or the end.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-wake:
	}
}
