package stage

import (
	"context"

	"seatrial/harness/failpoint"
	"seatrial/harness/run"
)

// askRestart asks: does it stop when asked, and come back with its data?
func (x *exam) askRestart(ctx context.Context) error {
	x.wentDown(run.StageRestart)
	x.plantAgain(ctx, "before the restart")
	// What ended by itself does not stop when asked, whatever it leaves to be stopped.
	ended := x.alive(ctx)
	if ctx.Err() != nil || ended != nil && faultIn(ended) == nil {
		return ended
	}
	stopped := x.stop(ctx)
	if ctx.Err() != nil || stopped != nil && faultIn(stopped) == nil {
		return stopped
	}
	if ended != nil {
		stopped = after("before it was asked to stop", ended)
	}
	// What outlived its stop was killed: the other half can still be asked.
	failpoint.Hit("harness:" + string(run.StageRestart))
	if err := x.start(ctx); err != nil {
		return both(stopped, after("after a restart", err))
	}
	x.up = true
	found := x.look(ctx, everything, nil)
	if found == nil {
		if err := x.watchOnce(ctx, run.StageRestart); err != nil {
			return both(stopped, after("after a restart", err))
		}
	}
	found = after("after a restart", x.stands(ctx, run.StageRestart, found))
	if stopped == nil && found == nil {
		x.praise()
	}
	return both(stopped, found)
}
