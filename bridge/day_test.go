package bridge_test

import (
	"cmp"
	"flag"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// daySeed makes another day, to look for what this one does not show.
var daySeed = flag.Uint64("day", 7, "the `number` from which TestADay makes up its day")

// TestADay lets a day go by in which the forge fails in every way that is known, and the
// bridge is killed again and again, with the real adapter, journal, queue and announcer.
// Every command is answered exactly once.
func TestADay(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: a day takes half a minute")
	}
	synctest.Test(t, func(t *testing.T) { aDay(t, wholeDay) })
}

// size is how much happens in a day.
type size struct {
	length                            time.Duration
	repos, comments, pushes, restarts int
	trouble                           time.Duration // one a time
}

func aDay(t *testing.T, s size) {
	d, repos := newDay(t, s.repos)
	p := &plot{day: d, random: rand.New(rand.NewPCG(*daySeed, 1)), length: s.length, heads: map[string]bool{}}
	p.openPulls(repos)
	var deeds []deed
	for i := range s.comments {
		var before deed
		if i > 0 {
			before = deeds[0]
		}
		deeds = append(p.comment(i, before), deeds...)
	}
	for range s.pushes {
		deeds = append(deeds, p.push())
	}
	for range s.pushes / 10 {
		deeds = append(deeds, p.close())
	}
	for range s.restarts {
		deeds = append(deeds, deed{p.any(), func() { p.kill(p.random) }})
	}
	deeds = append(deeds, p.trouble(s.trouble)...)
	slices.SortStableFunc(deeds, func(a, b deed) int { return cmp.Compare(a.at, b.at) })

	over, kept := make(chan struct{}), make(chan struct{})
	d.start()
	pause(2 * time.Minute) // nobody is answered who spoke before we listened
	chance := rand.New(rand.NewPCG(*daySeed, 2))
	go func() { defer close(kept); d.keepAlive(chance, over) }()
	midnight := time.Now()
	for _, deed := range deeds {
		time.Sleep(time.Until(midnight.Add(deed.at)))
		deed.do()
	}
	pause(time.Until(midnight.Add(s.length)))
	pause(time.Hour)
	close(over)
	d.now().end()
	<-kept
	d.executor.Close()
	c := p.check(t)
	if err := d.server.Close(); err != nil {
		t.Error(err)
	}
	for _, complaint := range d.server.Complaints() {
		t.Errorf("the forge complains: %s", complaint)
	}
	if t.Failed() {
		t.Logf("this is how the day went:\n%s", strings.Join(d.diary, "\n"))
	}
	t.Logf("%d comments, %d commands; %d runs in %d attempts, %d joined, %d refused; %d hooks, %d pushes, %d lives, %d requests; failed: %v",
		len(p.said), c.commands, c.runs, c.attempts, c.joined, c.refused, p.hooks, s.pushes, d.lives, d.wire.all, d.wire.by)
}
