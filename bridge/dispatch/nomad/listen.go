package nomad

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/errgroup"

	"seatrial/harness/cluster"
	"seatrial/internal/pause"
)

// longestPause is between two tries to listen.
const longestPause = 30 * time.Second

// Run listens to the cluster until the context ends: the event stream for speed, and,
// at each connection and on a timer, a look at everything for truth. Without it every
// method works, only slower. It returns nil when the context ends.
func (d *Dispatcher) Run(ctx context.Context) error {
	defer d.news.tellAll(false)
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = time.Second, longestPause
	silent := false
	for ctx.Err() == nil {
		came, err := d.listen(ctx)
		if err != nil && ctx.Err() == nil {
			d.offers.answered(err, d.Now())
		}
		d.news.tellAll(false) // until it listens again, everybody looks for himself
		if ctx.Err() != nil {
			break
		}
		if came {
			pauses.Reset()
			silent = false
		}
		if err != nil && !silent {
			d.Log.Warn("cannot listen to the cluster; it will be tried again", "err", err)
			silent = true
		}
		_ = pause.For(ctx, pauses.NextBackOff(), nil)
	}
	return nil
}

// heard is what is read of the cluster's events: what changed, not how.
type heard struct {
	Events []struct {
		Key        string
		FilterKeys []string
	}
}

// listen listens until the stream ends or hangs. at says whether it came so far.
func (d *Dispatcher) listen(ctx context.Context) (at bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	hangs := time.AfterFunc(streamQuiet, func() { cancel(errHangs) })
	defer hangs.Stop()
	topics := url.Values{"topic": {"Allocation:*", "Evaluation:*", "Job:*"}}
	body, err := d.Client.Raw().Response("/v1/event/stream?"+topics.Encode(), d.query(ctx))
	if err != nil {
		return false, cluster.Explain("listen to the cluster", because(ctx, err))
	}
	defer body.Close()
	// Listened first, looked then: what happens in between is heard.
	if err := d.reconcile(ctx); err != nil {
		return false, err
	}
	whole := ctx
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		tick := time.NewTicker(d.ReconcileEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				if err := d.reconcile(ctx); err != nil {
					return err
				}
			}
		}
	})
	g.Go(func() error {
		stream := json.NewDecoder(body)
		for {
			var news heard // a heartbeat has none
			if err := stream.Decode(&news); err != nil {
				return cluster.Explain("listen to the cluster", because(whole, err))
			}
			hangs.Reset(streamQuiet)
			for _, e := range news.Events {
				for _, name := range append(e.FilterKeys, e.Key) {
					d.news.tell(name)
				}
			}
		}
	})
	// Whoever ends first ends the other: a body that is closed is read no more.
	g.Go(func() error {
		<-ctx.Done()
		cancel(nil)
		return nil
	})
	return true, g.Wait()
}

// reconcile makes everybody look at the cluster, and the offers be read anew.
func (d *Dispatcher) reconcile(ctx context.Context) error {
	err := d.readOffers(ctx)
	if ctx.Err() == nil {
		d.offers.answered(err, d.Now())
	}
	if err != nil {
		return err
	}
	d.news.tellAll(true)
	return nil
}
