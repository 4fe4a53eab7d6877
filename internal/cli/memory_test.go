package cli

import (
	"context"
	"math"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheEnvironmentDecidesAboutMemory(t *testing.T) {
	const unlimited, usual = math.MaxInt64, 100 // as Go has them without our word
	for _, c := range []struct {
		env     map[string]string
		limit   int64
		percent int
		ours    bool
	}{
		{nil, memoryTarget, collectAt, true},
		{map[string]string{"GOMEMLIMIT": "", "GOGC": ""}, memoryTarget, collectAt, true},
		{map[string]string{"GOMEMLIMIT": "1GiB"}, unlimited, collectAt, false},
		{map[string]string{"GOGC": "200"}, memoryTarget, usual, false},
		{map[string]string{"GOMEMLIMIT": "off", "GOGC": "off"}, unlimited, usual, false},
	} {
		wasLimit, wasPercent := debug.SetMemoryLimit(unlimited), debug.SetGCPercent(usual)
		ours := keepSmall(func(name string) (string, bool) { v, ok := c.env[name]; return v, ok })
		limit, percent := debug.SetMemoryLimit(wasLimit), debug.SetGCPercent(wasPercent)
		if limit != c.limit || percent != c.percent || ours != c.ours {
			t.Errorf("with %v the limit is %d and the percentage %d, ours: %t, want %d and %d, %t", c.env, limit, percent, ours, c.limit, c.percent, c.ours)
		}
	}
}

func TestWhatIsFreeIsGivenBackUntilTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		times := 0
		ctx, cancel := context.WithTimeout(t.Context(), 3*giveBackEvery+time.Second)
		defer cancel()
		giveBack(ctx, func() { times++ })
		if times != 3 {
			t.Errorf("given back %d times", times)
		}
	})
}
