package swarm

import (
	"bytes"
	"context"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"seatrial/harness/app"
)

const (
	tailLines = 40 // how much of a log is evidence
	tailLimit = 10 * time.Second
	// followPause is how long a follower waits before it asks again.
	followPause = time.Second
)

// followers pass on what the services print, one goroutine a service, until they are
// stopped.
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

// follow starts a follower for each service of the stack that has none.
func (a *App) follow(ctx context.Context) {
	services, err := a.services(ctx)
	if err != nil {
		return // the log is poorer for it
	}
	f := &a.logs
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil {
		f.known = map[string]bool{}
		f.ctx, f.cancel = context.WithCancel(context.Background())
	}
	inner := f.ctx
	for _, s := range services {
		if f.known[s.ID] {
			continue
		}
		f.known[s.ID] = true
		name := s.Spec.Name[min(len(a.cfg.Label)+1, len(s.Spec.Name)):]
		f.group.Go(func() { f.run(inner, s.ID, name) })
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

// run follows one service. A connection that breaks is made again from where it broke.
func (f *followers) run(ctx context.Context, id, name string) {
	since := ""
	for ctx.Err() == nil {
		stream, err := f.app.cfg.Engine.ServiceLogs(ctx, id, client.ServiceLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true, Since: since})
		if err == nil {
			lines := &app.Lines{Say: func(line string) { f.say(name, line) }}
			_, _ = stdcopy.StdCopy(lines, lines, stream)
			lines.Flush()
			stream.Close()
			since = strconv.FormatInt(time.Now().Unix(), 10)
		} else if notFound(err) {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(followPause):
		}
	}
}

// tail is the end of what a container printed: what it complained about last.
func (a *App) tail(ctx context.Context, id string) []string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tailLimit)
	defer cancel()
	stream, err := a.cfg.Engine.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: strconv.Itoa(tailLines)})
	if err != nil {
		return nil
	}
	defer stream.Close()
	var text bytes.Buffer
	const most = 64 << 10
	_, _ = stdcopy.StdCopy(&text, &text, io.LimitReader(stream, most))
	var all []string
	lines := app.Lines{Say: func(line string) { all = append(all, line) }}
	_, _ = lines.Write(text.Bytes())
	lines.Flush()
	return all[max(0, len(all)-tailLines):]
}
