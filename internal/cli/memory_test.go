package cli

import (
	"math"
	"runtime/debug"
	"testing"
)

func TestTheEnvironmentDecidesAboutMemory(t *testing.T) {
	const unlimited, usual = math.MaxInt64, 100 // as Go has them without our word
	for _, c := range []struct {
		env     map[string]string
		limit   int64
		percent int
	}{
		{nil, memoryTarget, collectAt},
		{map[string]string{"GOMEMLIMIT": "", "GOGC": ""}, memoryTarget, collectAt},
		{map[string]string{"GOMEMLIMIT": "1GiB"}, unlimited, collectAt},
		{map[string]string{"GOGC": "200"}, memoryTarget, usual},
		{map[string]string{"GOMEMLIMIT": "off", "GOGC": "off"}, unlimited, usual},
	} {
		wasLimit, wasPercent := debug.SetMemoryLimit(unlimited), debug.SetGCPercent(usual)
		keepSmall(func(name string) (string, bool) { v, ok := c.env[name]; return v, ok })
		limit, percent := debug.SetMemoryLimit(wasLimit), debug.SetGCPercent(wasPercent)
		if limit != c.limit || percent != c.percent {
			t.Errorf("with %v the limit is %d and the percentage %d, want %d and %d", c.env, limit, percent, c.limit, c.percent)
		}
	}
}
