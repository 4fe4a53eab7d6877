package server

import (
	"context"
	"log/slog"
	"time"

	"seatrial/harness/janitor"
)

// keepClean is the last layer of teardown, and lets go of what was kept for long enough.
func (sv *Server) keepClean(ctx context.Context) error {
	tick := time.NewTicker(sv.Janitor)
	defer tick.Stop()
	for {
		if removed, err := forgetFiles(ctx, sv.runs, sv.journal, sv.KeepFiles, time.Now()); removed > 0 || err != nil && ctx.Err() == nil {
			sv.Log.Info("removed the files of old runs", "runs", removed, "err", err)
		}
		if erased, err := sv.journal.ForgetComments(ctx, time.Now().Add(-sv.KeepComments)); erased > 0 || err != nil && ctx.Err() == nil {
			sv.Log.Info("erased whose old comments were", "comments", erased, "err", err)
		}
		result, err := sv.janitor.Sweep(ctx, janitor.Options{})
		level := slog.LevelInfo
		if result.Count(janitor.Removed)+result.Count(janitor.Left) == 0 {
			level = slog.LevelDebug // what is kept is kept each time
		}
		for _, line := range result.Lines() {
			sv.Log.Log(ctx, level, "janitor", "did", line)
		}
		if err != nil && ctx.Err() == nil {
			sv.Log.Error("the janitor met errors", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
