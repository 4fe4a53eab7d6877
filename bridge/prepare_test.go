package bridge_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"seatrial/harness/run"
	"seatrial/recipes"
)

// preparer takes a while for every run, then ends as it is told.
type preparer struct {
	takes time.Duration
	err   error

	mu        sync.Mutex
	asked     []string // the recipes of whose runs
	abandoned int
}

func (p *preparer) Prepare(ctx context.Context, r run.Request, e recipes.Enrolment) error {
	p.mu.Lock()
	p.asked = append(p.asked, e.Name)
	p.mu.Unlock()
	select {
	case <-ctx.Done():
		p.mu.Lock()
		p.abandoned++
		p.mu.Unlock()
		return ctx.Err()
	case <-time.After(p.takes):
		return p.err
	}
}

func (p *preparer) count() (asked, abandoned int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.asked), p.abandoned
}

func (w *world) ourComment() string {
	w.t.Helper()
	ours := w.forge.ours()
	if len(ours) == 0 {
		w.t.Fatal("there is no comment of ours")
	}
	return ours[len(ours)-1].Body
}

func TestImagesAreFetchedBeforeTheSlot(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.preparer = &preparer{takes: 5 * time.Minute}
		w.start()
		w.forge.say(ada, "!testme")
		pause(2 * time.Minute)
		if r := w.onlyRun(); r.State != run.Waiting || w.alive.queue.Snapshot().Slots[0].Run != "" {
			t.Fatalf("it is %s", r.State)
		}
		if body := w.ourComment(); !strings.Contains(body, "Place 1 of 1 in the queue, fetching its images.") {
			t.Errorf("the comment says %s", body)
		}
		pause(10 * time.Minute)
		w.stop()
		r := w.onlyRun()
		wantVerdict(t, r, run.VerdictPass, run.EndedNormally)
		if len(r.Warnings) > 0 {
			t.Errorf("warnings: %q", r.Warnings)
		}
		if waited := r.StartedAt.Sub(r.QueuedAt); waited < 5*time.Minute {
			t.Errorf("it started after %s", waited)
		}
	})
}

func TestARunGoesOnWithoutItsImages(t *testing.T) {
	for name, c := range map[string]struct {
		p    *preparer
		says string
	}{
		"refused": {&preparer{takes: time.Minute, err: errors.New("cannot fetch wiki:2: the registry knows no such image")}, "cannot fetch wiki:2: the registry knows no such image"},
		"slow":    {&preparer{takes: time.Hour}, "it took longer than 15m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			inABubble(t, func(t *testing.T, w *world) {
				w.preparer = c.p
				w.start()
				w.forge.say(ada, "!testme")
				pause(30 * time.Minute)
				w.stop()
				r := w.onlyRun()
				wantVerdict(t, r, run.VerdictPass, run.EndedNormally)
				if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], c.says) {
					t.Errorf("warnings: %q", r.Warnings)
				}
			})
		})
	}
}

func TestARestartedBridgePreparesAgain(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		p := &preparer{takes: 5 * time.Minute}
		w.preparer = p
		w.start()
		w.forge.say(ada, "!testme")
		pause(2 * time.Minute)
		w.stop()
		w.start()
		pause(15 * time.Minute)
		w.stop()
		r := w.onlyRun()
		wantVerdict(t, r, run.VerdictPass, run.EndedNormally)
		if asked, abandoned := p.count(); asked != 2 || abandoned != 1 || len(r.Warnings) > 0 {
			t.Errorf("prepared %d times, %d of them in vain; warnings %q", asked, abandoned, r.Warnings)
		}
	})
}

func TestNobodyPreparesWhatIsSuperseded(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		p := &preparer{takes: 10 * time.Minute}
		w.preparer = p
		w.start()
		w.forge.say(ada, "!testme")
		pause(2 * time.Minute)
		w.forge.push(newHead)
		pause(time.Second)
		w.forge.say(ada, "!testme")
		pause(2 * time.Minute)
		if _, abandoned := p.count(); abandoned != 1 {
			t.Errorf("%d preparations were given up", abandoned)
		}
		pause(15 * time.Minute)
		w.stop()
		runs := w.runs()
		if len(runs) != 2 || runs[0].SupersededBy == "" || len(runs[0].Warnings) > 0 {
			t.Fatalf("%+v", runs)
		}
		wantVerdict(t, runs[1], run.VerdictPass, run.EndedNormally)
	})
}

func TestOnlyTwoArePreparedAtOnce(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		p := &preparer{takes: 10 * time.Minute}
		w.preparer = p
		w.start()
		now := w.alive.queue
		for _, id := range []run.ID{"01k9zq3v8e2m4n6p8r0t2v4x6a", "01k9zq3v8e2m4n6p8r0t2v4x6b", "01k9zq3v8e2m4n6p8r0t2v4x6c"} {
			now.Add(run.Request{ID: id, Recipe: "guestbook"})
		}
		pause(time.Minute)
		if asked, _ := p.count(); asked != 2 || !now.Preparing("01k9zq3v8e2m4n6p8r0t2v4x6a") || now.Preparing("01k9zq3v8e2m4n6p8r0t2v4x6c") {
			t.Errorf("%d are being prepared", asked)
		}
		w.stop()
	})
}
