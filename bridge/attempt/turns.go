package attempt

import (
	"context"
	"time"

	"seatrial/harness/run"
	"seatrial/internal/pause"
)

// enqueue adds a run from the journal to the queue. Whoever recorded it has done so
// already, unless recording it seemed to fail.
func (rs *Runs) enqueue(ctx context.Context, id run.ID) {
	rs.until(ctx, rs.log(id), "let a run wait for its turn", func() error {
		rs.Deciding.Lock()
		defer rs.Deciding.Unlock()
		r, err := rs.Journal.Report(ctx, id)
		if err == nil && r.State == run.Waiting && r.CancelAsked == "" {
			rs.Queue.Add(r.Request)
		}
		return err
	})
}

// takeTurns gives slots to waiting runs. Each is recorded before the next slot is given, so
// that the journal has them in the order of the queue.
func (rs *Runs) takeTurns(ctx context.Context) error {
	for ctx.Err() == nil {
		request, lease, err := rs.Queue.Take(ctx)
		if err != nil {
			if ctx.Err() == nil {
				rs.Log.Error("cannot take the next run from the queue", "err", err)
				_ = pause.For(ctx, time.Second, nil)
			}
			continue
		}
		began, err := rs.begin(ctx, request, lease)
		rs.work.Go(func() {
			if err != nil { // those behind it do not wait for the retries
				rs.until(ctx, rs.log(request.ID), "begin a run", func() error {
					began, err = rs.begin(ctx, request, lease)
					return err
				})
			}
			switch {
			case began:
				rs.drive(ctx, request.ID, true)
			case ctx.Err() == nil:
				rs.Queue.Release(request.ID, nil)
			}
		})
	}
	return nil
}

// begin records that the run has its slot. A run that was superseded or cancelled at the
// last moment does not begin. If the journal says that it has begun, an earlier try here
// only seemed to fail: nobody else is given the run.
func (rs *Runs) begin(ctx context.Context, request run.Request, lease run.Lease) (bool, error) {
	rs.Deciding.Lock()
	defer rs.Deciding.Unlock()
	r, err := rs.Journal.Report(ctx, request.ID)
	if err != nil {
		return false, err
	}
	if r.State != run.Waiting || r.CancelAsked != "" {
		return r.State != run.Waiting && r.State != run.Ended, nil
	}
	err = rs.Journal.Append(ctx, rs.event(request.ID, 1, run.KindDispatching).With(lease))
	return err == nil, err
}
