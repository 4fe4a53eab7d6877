package pause

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestAPauseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		woken := make(chan struct{})
		close(woken)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for what, c := range map[string]struct {
			ctx  context.Context
			wake <-chan struct{}
			took time.Duration
			err  error
		}{
			"with its time":    {t.Context(), nil, time.Minute, nil},
			"by a wake-up":     {t.Context(), woken, 0, nil},
			"with its context": {ended, nil, 0, context.Canceled},
		} {
			began := time.Now()
			if err := For(c.ctx, time.Minute, c.wake); err != c.err || time.Since(began) != c.took {
				t.Errorf("%s: %v after %v", what, err, time.Since(began))
			}
		}
	})
}
