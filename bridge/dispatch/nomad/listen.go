package nomad

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/hashicorp/nomad/api"

	"seatrial/harness/cluster"
)

// quiet is how long the event stream may send nothing before it counts as dead. The
// cluster sends a heartbeat each ten seconds, which the client swallows; so after some
// silence it is opened anew, which costs one request.
const quiet = 2 * time.Minute

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
		heard, err := d.listen(ctx)
		d.news.tellAll(false) // until it listens again, everybody looks for himself
		if ctx.Err() != nil {
			break
		}
		if heard {
			pauses.Reset()
			silent = false
		}
		if err != nil && !silent {
			d.Log.Warn("cannot listen to the cluster; it will be tried again", "err", err)
			silent = true
		}
		wait(ctx, pauses.NextBackOff(), nil)
	}
	return nil
}

func (d *Dispatcher) listen(ctx context.Context) (heard bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Listen first, look then: what happens in between is heard.
	stream, err := d.Client.EventStream().Stream(ctx, map[api.Topic][]string{
		api.TopicAllocation: {"*"}, api.TopicEvaluation: {"*"}, api.TopicJob: {"*"},
	}, 0, d.query(ctx))
	if err != nil {
		return false, cluster.Explain("listen to the cluster", err)
	}
	// The stream's goroutine ends when somebody takes what it has and the context is over.
	defer func() {
		cancel()
		for range stream {
		}
	}()
	if err := d.reconcile(ctx); err != nil {
		return false, err
	}
	tick := time.NewTicker(d.ReconcileEvery)
	defer tick.Stop()
	dead := time.NewTimer(quiet)
	defer dead.Stop()
	for {
		select {
		case <-ctx.Done():
			return true, nil
		case <-dead.C:
			return true, nil
		case <-tick.C:
			if err := d.reconcile(ctx); err != nil {
				return true, err
			}
		case events, ok := <-stream:
			if !ok {
				return true, nil
			}
			if events.Err != nil {
				return true, cluster.Explain("listen to the cluster", events.Err)
			}
			dead.Reset(quiet)
			for _, e := range events.Events {
				d.hear(e)
			}
		}
	}
}

// hear wakes those who wait for the event's job: its key, or among its filter keys.
func (d *Dispatcher) hear(e api.Event) {
	for _, name := range append(e.FilterKeys, e.Key) {
		d.news.tell(name)
	}
}

// reconcile makes everybody look at the cluster, and the offers be read anew.
func (d *Dispatcher) reconcile(ctx context.Context) error {
	if err := d.readOffers(ctx); err != nil {
		return err
	}
	d.news.tellAll(true)
	return nil
}

// wait waits for a while, or until woken or the context is over.
func wait(ctx context.Context, pause time.Duration, woken <-chan struct{}) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-woken:
	}
}
