package stage

import (
	"context"
	"fmt"

	"seatrial/harness/app"
	"seatrial/harness/canary"
	"seatrial/harness/failpoint"
	"seatrial/harness/run"
)

// askUpgrade asks: does the last release become this head, with its data?
func (x *exam) askUpgrade(ctx context.Context) error {
	x.wentDown(run.StageUpgrade)
	if err := x.published(ctx); err != nil {
		return err
	}
	failpoint.Hit("harness:" + string(run.StageUpgrade))
	when := "upgrading from " + x.Previous.Name
	if err := x.become(ctx); err != nil {
		return after(when, err)
	}
	x.up = true
	found := both(x.strays(ctx), x.look(ctx, everything, nil))
	if found == nil {
		x.check(ctx, "after the upgrade")
		if err := x.watchOnce(ctx, run.StageUpgrade); err != nil {
			return after(when, err)
		}
	}
	return after(when, x.stands(ctx, run.StageUpgrade, found))
}

// published brings up the release that people run today, with data in it. A
// release that is itself broken is an answer of its own: the upgrade from it can
// be neither praised nor blamed.
func (x *exam) published(ctx context.Context) error {
	lacks := "does not come up"
	err := x.deploy(ctx, *x.Previous)
	if err == nil {
		lacks = "does not keep what is put into it"
		if err = x.plant(ctx); err == nil && x.planted != nil {
			// What it has lost by itself, no upgrade could keep.
			err = x.expect(ctx)
		}
		if up := x.alive(ctx); up != nil {
			lacks, err = "does not stay up", both(up, err)
		}
	}
	f := faultIn(err)
	if f == nil || ctx.Err() != nil {
		return err
	}
	x.warn(fmt.Sprintf("The published release %s is itself broken: %s", x.Previous.Name, faultText(f)))
	x.broken = fmt.Sprintf("the published release %s %s", x.Previous.Name, lacks)
	return unproven{fmt.Sprintf("%s, so nothing can be said about an upgrade from it: %s", x.broken, f.Summary)}
}

// praise says so where the head, asked alone, does what the published release did not.
func (x *exam) praise() {
	if x.broken != "" {
		x.warn(fmt.Sprintf("This head mends what is broken: %s; the head comes up, and keeps what is put into it over a restart.", x.broken))
	}
}

// become upgrades in place and proves that the head is what runs: an upgrade from
// a release to itself would pass everything.
func (x *exam) become(ctx context.Context) error {
	x.say("upgrading %s to %s", x.Previous.Name, x.Head.Name)
	err := within(ctx, x.deployLimit(), "upgrading the app", func(ctx context.Context) error { return x.App.Upgrade(ctx, x.Head) })
	if err != nil {
		return err
	}
	if err := x.awaitUp(ctx); err != nil {
		return err
	}
	x.say("proving that the head is what runs")
	var runs app.Release
	err = within(ctx, askLimit, "asking what runs", func(ctx context.Context) (err error) {
		runs, err = x.App.Running(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if !same(runs, x.Head) {
		return &run.Fault{
			Summary:  fmt.Sprintf("what runs after the upgrade is %s, not the head", runs.Name),
			Evidence: []string{fmt.Sprintf("runs: %s %s", runs.Name, runs.Commit), fmt.Sprintf("head: %s %s", x.Head.Name, x.Head.Commit)},
		}
	}
	return nil
}

func same(a, b app.Release) bool {
	return a.Name == b.Name && a.Commit == b.Commit && a.Tree == b.Tree
}

// everything covers all that was planted.
func everything(canary.Place) bool { return true }
