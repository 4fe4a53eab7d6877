package nomad

import (
	"context"
	"time"

	"seatrial/harness/app"
	"seatrial/internal/pause"

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

// follow starts followers for an allocation, one a stream, which end with it.
func (a *App) follow(s *api.AllocationListStub, job *api.Job) {
	var all []func(ctx context.Context)
	for _, g := range job.TaskGroups {
		for _, t := range g.Tasks {
			if value(g.Name) != s.TaskGroup {
				continue
			}
			for _, stream := range streams {
				all = append(all, func(ctx context.Context) { a.followStream(ctx, s.ID, t.Name, stream) })
			}
		}
	}
	a.logs.Follow(s.ID, all...)
}

// followStream follows one stream. A connection that breaks is made again where it broke.
func (a *App) followStream(ctx context.Context, allocation, task, stream string) {
	lines := app.Lines{Say: func(line string) { a.logs.Say(task, line) }}
	defer lines.Flush()
	var offset int64
	for ctx.Err() == nil {
		alloc, _, err := a.cfg.Client.Allocations().Info(allocation, a.query(ctx))
		ended := err == nil && (alloc.ClientStatus == api.AllocClientStatusComplete || alloc.ClientStatus == api.AllocClientStatusFailed)
		if err == nil {
			offset = a.readLog(ctx, alloc, !ended, task, stream, api.OriginStart, offset, write(&lines))
		}
		if ended {
			return
		}
		_ = pause.For(ctx, followPause, nil)
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
	return all[max(0, len(all)-tailLines):]
}

// write makes of lines what takes the log's parts.
func write(lines *app.Lines) func([]byte) {
	return func(data []byte) { _, _ = lines.Write(data) }
}
