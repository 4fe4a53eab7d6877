package app

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Whoever gives up in the middle of a question hears what was seen last.
func TestWhatWasSeenLastIsSaidWhenTheTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		asked := 0
		err := Wait{For: "the app to start", Limit: time.Minute, Every: time.Second, Away: func(error) bool { return false }}.Until(ctx, func() (string, error) {
			if asked++; asked < 3 {
				return "no node fits", nil
			}
			<-ctx.Done()
			return "", errors.New("cannot list: the context ended")
		})
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "last seen: no node fits") {
			t.Errorf("got %v", err)
		}
	})
}
