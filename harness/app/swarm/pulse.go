package swarm

import (
	"context"
	"sync"
	"time"

	"github.com/moby/moby/client"

	"seatrial/internal/pause"
)

// afterOutage is how long the swarm needs to have everything run again when the engine
// was started anew: until then, what ends is not the recipe's fault.
const afterOutage = 30 * time.Second

// pulse notices that the engine was away, by a stream of its events that breaks off. A
// recipe must not be blamed for a container that went with the engine.
type pulse struct {
	mu     sync.Mutex
	away   time.Time // when it was found away last
	cancel context.CancelFunc
	group  sync.WaitGroup
}

// feel watches the engine until still is called. Watching twice is watching once.
func (p *pulse) feel(e *Engine, stack client.Filters) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.group.Go(func() {
		for ctx.Err() == nil {
			stream := e.Events(ctx, client.EventsListOptions{Filters: stack})
			for open := true; open; {
				select {
				case <-ctx.Done():
					return
				case <-stream.Messages: // of no interest
				case <-stream.Err:
					open = false
				}
			}
			if ctx.Err() == nil {
				p.mu.Lock()
				p.away = time.Now()
				p.mu.Unlock()
			}
			_ = pause.For(ctx, pollInterval, nil)
		}
	})
}

// still ends the watching.
func (p *pulse) still() {
	p.mu.Lock()
	cancel := p.cancel
	p.cancel = nil
	p.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	p.group.Wait()
}

// missed is when the engine was away last; the zero time if it never was.
func (p *pulse) missed() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.away
}

func (a *App) Trouble(since time.Time) string {
	if away := a.pulse.missed(); away.IsZero() || away.Add(afterOutage).Before(since) {
		return ""
	}
	return "the Docker Engine was away meanwhile"
}
