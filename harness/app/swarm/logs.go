package swarm

import (
	"bytes"
	"context"
	"io"
	"strconv"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"seatrial/harness/app"
	"seatrial/internal/pause"
)

const (
	tailLines = 40 // how much of a log is evidence
	tailLimit = 10 * time.Second
	// followPause is how long a follower waits before it asks again.
	followPause = time.Second
)

// follow starts a follower for each service of the stack that has none.
func (a *App) follow(ctx context.Context) {
	services, err := a.services(ctx)
	if err != nil {
		return // the log is poorer for it
	}
	for _, s := range services {
		name := s.Spec.Name[min(len(a.cfg.Label)+1, len(s.Spec.Name)):]
		a.logs.Follow(s.ID, func(ctx context.Context) { a.followService(ctx, s.ID, name) })
	}
}

// followService follows one service. A connection that breaks is made again from where it broke.
func (a *App) followService(ctx context.Context, id, name string) {
	since := ""
	for ctx.Err() == nil {
		stream, err := a.cfg.Engine.ServiceLogs(ctx, id, client.ServiceLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true, Since: since})
		if err == nil {
			lines := &app.Lines{Say: func(line string) { a.logs.Say(name, line) }}
			_, _ = stdcopy.StdCopy(lines, lines, stream)
			lines.Flush()
			stream.Close()
			since = strconv.FormatInt(time.Now().Unix(), 10)
		} else if notFound(err) {
			return
		}
		_ = pause.For(ctx, followPause, nil)
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
