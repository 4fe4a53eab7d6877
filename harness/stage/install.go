package stage

import (
	"context"
	"time"

	"seatrial/harness/failpoint"
	"seatrial/harness/run"
)

// askInstall asks: does the head install from nothing, and stay up?
func (x *exam) askInstall(ctx context.Context, step Step) error {
	x.wentDown(run.StageInstall)
	if step.Fresh {
		if err := x.clear(ctx); err != nil {
			return err
		}
	}
	if err := x.deploy(ctx, x.Head); err != nil {
		return err
	}
	failpoint.Hit("harness:" + string(run.StageInstall))
	x.check(ctx, "after the install")
	var planted error
	if step.Plant {
		planted = x.plant(ctx)
	}
	if err := x.awaitSteady(ctx, x.healthySince, time.Duration(x.Enrolment.Health.Steady)); err != nil {
		return both(err, planted)
	}
	x.up = true
	return x.stands(ctx, run.StageInstall, both(x.strays(ctx), planted))
}
