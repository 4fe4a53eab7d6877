package nomad

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/errgroup"

	"seatrial/bridge/dispatch"
	"seatrial/harness/cluster"
	"seatrial/internal/pause"
)

// copyAll copies until the attempt is over. What goes wrong on the way to the cluster is
// tried again for as long as somebody waits: it says nothing about the run.
func (d *Dispatcher) copyAll(ctx context.Context, k key, m *mirror) {
	log := d.Log.With("run", k.id, "attempt", k.attempt)
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = pollEvery, longestPause/2
	said := ""
	for ctx.Err() == nil {
		over, err := d.copySome(ctx, k, m)
		switch {
		case ctx.Err() != nil:
			return
		case over:
			m.tell(true)
			return
		case err == nil:
			pauses.Reset()
			said = ""
			continue
		case err.Error() != said:
			log.Warn("cannot follow a run; it will be tried again", "err", err)
			said = err.Error()
		}
		_ = pause.For(ctx, pauses.NextBackOff(), nil)
	}
}

// copySome looks at the attempt, and copies until its allocation has ended.
func (d *Dispatcher) copySome(ctx context.Context, k key, m *mirror) (over bool, err error) {
	changes := d.changes(k)
	f, err := d.look(ctx, k)
	if err != nil {
		return false, err
	}
	switch {
	case f.waits():
		if f.waited() > d.PlaceWithin {
			return false, d.giveUp(ctx, k, f)
		}
		patience, cancel := context.WithTimeout(ctx, d.PlaceWithin-f.waited()+time.Millisecond)
		changes(patience)
		cancel()
		return false, nil
	case f.alloc == nil, f.note.Collected && ended(f.alloc) && !f.more:
		return true, nil
	case ended(f.alloc) && f.more:
		changes(ctx)
		return false, nil
	case ended(f.alloc):
		return false, d.collect(ctx, k, f, m)
	case f.executor().StartedAt.IsZero():
		changes(ctx)
		return false, nil
	}
	if err := d.take(k, m, f.alloc.ID); err != nil {
		return false, err
	}
	g, copying := errgroup.WithContext(ctx)
	for _, name := range []string{dispatch.EventsFile, dispatch.LogFile} {
		g.Go(func() error { return d.tail(copying, k, m, f.alloc.ID, name) })
	}
	// Copying goes on through whatever changes but does not end it.
	g.Go(func() error {
		for alloc := f.alloc.ID; ; {
			changes(copying)
			changes = d.changes(k)
			if f, err := d.look(copying, k); err != nil || f.alloc == nil || f.alloc.ID != alloc || ended(f.alloc) {
				return errors.Join(errChanged, err)
			}
		}
	})
	if err := g.Wait(); !errors.Is(err, errChanged) {
		return false, err
	}
	return false, nil
}

// errChanged ends copying where there is something else to do.
var errChanged = errors.New("the attempt has changed")

// changes returns what waits for a change of the attempt after now: of one that the
// cluster tells, or, where nobody listens, for a moment.
func (d *Dispatcher) changes(k key) func(context.Context) {
	known, _ := d.readNote(k) // look will say what is wrong
	woken, heard := d.news.of(known.Job)
	every := pollEvery
	if heard && known.Job != "" {
		every = d.ReconcileEvery
	}
	return func(ctx context.Context) { _ = pause.For(ctx, every, woken) }
}

// take makes the folder that of one allocation: the copies of another one's files are
// no use, for they do not go on where this one's do.
func (d *Dispatcher) take(k key, m *mirror, alloc string) error {
	n, err := d.readNote(k)
	if err != nil || n.Alloc == alloc {
		return err
	}
	if n.Alloc != "" {
		m.renew()
		for _, name := range []string{dispatch.EventsFile, dispatch.LogFile} {
			if err := os.Remove(filepath.Join(d.folder(k), name)); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	}
	return d.changeNote(k, func(n *note) { n.Alloc, n.Collected, n.Missing = alloc, false, "" })
}

// tail copies a file as it grows, from where its copy ends.
func (d *Dispatcher) tail(ctx context.Context, k key, m *mirror, alloc, name string) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = pollEvery/2, longestPause/2
	for ctx.Err() == nil {
		file, offset, err := openCopy(filepath.Join(d.folder(k), name))
		if err != nil {
			return err
		}
		err = d.stream(ctx, alloc, cluster.AllocPath(name), offset, func(b []byte) error {
			if offset += int64(len(b)); offset > maxGrowing {
				return nil
			}
			pauses.Reset()
			_, err := file.Write(b)
			if name == dispatch.EventsFile {
				m.tell(false)
			}
			return err
		})
		if closed := file.Close(); err == nil {
			err = closed
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, errNoFile) && !errors.Is(err, errNoFiles) && !errors.Is(err, errHangs) {
			return cluster.Explain("follow "+name, err)
		}
		_ = pause.For(ctx, pauses.NextBackOff(), nil) // it is not there yet, or the stream ended
	}
	return nil
}
