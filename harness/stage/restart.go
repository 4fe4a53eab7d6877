package stage

import (
	"context"

	"seatrial/harness/failpoint"
	"seatrial/harness/run"
)

// askRestart asks: does it stop when asked, and come back with its data?
func (x *exam) askRestart(ctx context.Context) error {
	x.wentDown(run.StageRestart)
	stopped := x.stop(ctx)
	if ctx.Err() != nil || stopped != nil && faultIn(stopped) == nil {
		return stopped
	}
	// What outlived its stop was killed: the other half can still be asked.
	failpoint.Hit("harness:" + string(run.StageRestart))
	if err := x.start(ctx); err != nil {
		return both(stopped, after("after a restart", err))
	}
	x.up = true
	return both(stopped, after("after a restart", x.look(ctx, everything, nil)))
}
