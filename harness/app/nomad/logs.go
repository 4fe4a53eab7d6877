package nomad

import (
	"context"
	"sync"
	"time"

	"seatrial/harness/app"

	"github.com/hashicorp/nomad/api"
)

const (
	tailLines = 40       // how much of a log is evidence
	tailBytes = 16 << 10 // from which it is taken
	// tailLimit is how long evidence may take to be read, and followPause how long a
	// follower waits before it asks again.
	tailLimit   = 10 * time.Second
	followPause = 300 * time.Millisecond
)

var streams = []string{api.FSLogNameStdout, api.FSLogNameStderr}

// followers pass on what the tasks print, one goroutine a stream, until they are
// stopped or their allocation has ended.
type followers struct {
	app *App

	print sync.Mutex // held while a line is passed on

	mu     sync.Mutex
	known  map[string]bool
	cancel context.CancelFunc
	ctx    context.Context // of all followers; it ends with stop
	group  sync.WaitGroup
}

func (f *followers) say(source, line string) {
	f.print.Lock()
	defer f.print.Unlock()
	f.app.cfg.Log(source, line)
}

// follow starts followers for an allocation, once.
func (f *followers) follow(s *api.AllocationListStub, job *api.Job) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known[s.ID] {
		return
	}
	if f.known == nil {
		f.known = map[string]bool{}
		f.ctx, f.cancel = context.WithCancel(context.Background())
	}
	f.known[s.ID] = true
	ctx := f.ctx
	for _, g := range job.TaskGroups {
		for _, t := range g.Tasks {
			if value(g.Name) != s.TaskGroup {
				continue
			}
			for _, stream := range streams {
				f.group.Go(func() { f.run(ctx, s.ID, t.Name, stream) })
			}
		}
	}
}

// stop ends all followers and waits for them.
func (f *followers) stop() {
	f.mu.Lock()
	cancel := f.cancel
	f.known, f.cancel = nil, nil
	f.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	f.group.Wait()
}

// run follows one stream. A connection that breaks is made again where it broke.
func (f *followers) run(ctx context.Context, allocation, task, stream string) {
	lines := app.Lines{Say: func(line string) { f.say(task, line) }}
	defer lines.Flush()
	var offset int64
	for ctx.Err() == nil {
		alloc, _, err := f.app.cfg.Client.Allocations().Info(allocation, f.app.query(ctx))
		ended := err == nil && (alloc.ClientStatus == api.AllocClientStatusComplete || alloc.ClientStatus == api.AllocClientStatusFailed)
		if err == nil {
			offset = f.app.readLog(ctx, alloc, !ended, task, stream, api.OriginStart, offset, write(&lines))
		}
		if ended {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(followPause):
		}
	}
}

// readLog reads a stream from an offset on, and returns the offset at which it ended.
// Without follow it ends with what is there.
func (a *App) readLog(ctx context.Context, alloc *api.Allocation, follow bool, task, stream, origin string, offset int64, got func([]byte)) int64 {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	frames, errs := a.cfg.Client.AllocFS().Logs(alloc, follow, task, stream, origin, offset, ctx.Done(), a.query(ctx))
	for {
		select {
		case frame, ok := <-frames:
			if !ok || frame == nil {
				return offset
			}
			got(frame.Data)
			offset += int64(len(frame.Data))
		case <-errs:
			return offset
		case <-ctx.Done():
			// The sender may be about to send: let it, and let it see that it is over.
			for {
				select {
				case _, ok := <-frames:
					if !ok {
						return offset
					}
				case <-errs:
					return offset
				}
			}
		}
	}
}

// tail is the end of what a task printed: what it complained about last.
func (a *App) tail(ctx context.Context, allocation, task string) []string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tailLimit)
	defer cancel()
	alloc, _, err := a.cfg.Client.Allocations().Info(allocation, a.query(ctx))
	if err != nil {
		return nil
	}
	var all []string
	for _, stream := range streams {
		lines := app.Lines{Say: func(line string) { all = append(all, line) }}
		a.readLog(ctx, alloc, false, task, stream, api.OriginEnd, tailBytes, write(&lines))
		lines.Flush()
	}
	if extra := len(all) - tailLines; extra > 0 {
		all = all[extra:]
	}
	return all
}

// write makes of lines what takes the log's parts.
func write(lines *app.Lines) func([]byte) {
	return func(data []byte) { _, _ = lines.Write(data) }
}
