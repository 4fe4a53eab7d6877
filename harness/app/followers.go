package app

import (
	"context"
	"sync"
)

// Followers pass on what an app prints, one goroutine a stream, until they are stopped.
type Followers struct {
	Log func(source, line string) // called by one goroutine at a time

	print sync.Mutex // held while a line is passed on

	mu     sync.Mutex
	known  map[string]bool
	cancel context.CancelFunc
	ctx    context.Context // of all followers; it ends with Stop
	group  sync.WaitGroup
}

// Say passes one line on.
func (f *Followers) Say(source, line string) {
	f.print.Lock()
	defer f.print.Unlock()
	f.Log(source, line)
}

// Follow starts the followers of something, once.
func (f *Followers) Follow(id string, streams ...func(ctx context.Context)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known[id] {
		return
	}
	if f.known == nil {
		f.known = map[string]bool{}
		f.ctx, f.cancel = context.WithCancel(context.Background())
	}
	f.known[id] = true
	ctx := f.ctx
	for _, run := range streams {
		f.group.Go(func() { run(ctx) })
	}
}

// Stop ends all followers and waits for them.
func (f *Followers) Stop() {
	f.mu.Lock()
	cancel := f.cancel
	f.known, f.cancel = nil, nil
	f.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	f.group.Wait()
}
