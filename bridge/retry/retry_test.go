package retry_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/retry"
)

func TestAForgeThatAsksUsToWaitIsAskedWhenTheGivenClockSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ahead = 26 * 365 * 24 * time.Hour // of the clock that the program was given
		now := func() time.Time { return time.Now().Add(ahead) }
		began, until := time.Now(), now().Add(10*time.Minute)
		tries := 0
		retry.Loop{Longest: time.Second, Now: now, Log: slog.New(slog.DiscardHandler)}.Until(t.Context(), "read", func() error {
			if tries++; now().Before(until) {
				return &forge.LimitedError{Until: until}
			}
			return nil
		})
		if took := time.Since(began); tries != 2 || took < 10*time.Minute || took > 11*time.Minute {
			t.Errorf("it was tried %d times in %s", tries, took)
		}
	})
}

func TestAnErrorIsLoggedWhenItsTextChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		tries := 0
		retry.Loop{Longest: time.Minute, Now: time.Now, Log: slog.New(slog.NewTextHandler(&log, nil))}.Until(t.Context(), "read", func() error {
			switch tries++; {
			case tries <= 5:
				return errors.New("502")
			case tries <= 10:
				return errors.New("503")
			}
			return nil
		})
		if n := strings.Count(log.String(), "cannot read yet"); tries != 11 || n != 2 {
			t.Errorf("%d tries logged %d lines:\n%s", tries, n, log.String())
		}
	})
}

func TestTheEndEndsTheTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithTimeout(t.Context(), time.Hour)
		defer end()
		failing := errors.New("502")
		retry.Loop{Longest: time.Minute, Now: time.Now, Log: slog.New(slog.DiscardHandler)}.Until(ctx, "read", func() error { return failing })
		if ctx.Err() == nil {
			t.Error("it ended before the context")
		}
		tries := 0
		if err := retry.Briefly(t.Context(), 3, func() error { tries++; return failing }); !errors.Is(err, failing) || tries != 3 {
			t.Errorf("%d tries ended with %v", tries, err)
		}
	})
}
