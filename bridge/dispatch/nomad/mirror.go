package nomad

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/errgroup"

	"seatrial/bridge/dispatch"
	"seatrial/harness/cluster"
)

// mirror copies an attempt's files here while somebody wants them. There is one an
// attempt, however many follow it.
type mirror struct {
	users int
	stop  context.CancelFunc
	ended chan struct{} // closed when nothing is copied any more

	mu      sync.Mutex
	changed chan struct{} // closed when there is more
	over    bool          // nothing more will come
	renewed int           // how often the copy was thrown away

	since time.Time // when the files of what is over were first asked for; its goroutine's own
}

func (m *mirror) tell(over bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.changed)
	m.changed = make(chan struct{})
	m.over = m.over || over
}

// renew says that the copy of the events was thrown away.
func (m *mirror) renew() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.renewed++
}

// state returns a channel that is closed when there is more, whether there may be, and
// which copy it is of.
func (m *mirror) state() (changed <-chan struct{}, over bool, renewed int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed, m.over, m.renewed
}

// join returns the attempt's mirror, which works until everybody has left it.
func (d *Dispatcher) join(k key) (m *mirror, leave func()) {
	d.mu.Lock()
	for m = d.mirrors[k]; m != nil && m.users == 0; m = d.mirrors[k] {
		d.mu.Unlock()
		<-m.ended // two must not write the same copy
		d.mu.Lock()
		if d.mirrors[k] == m {
			delete(d.mirrors, k)
		}
	}
	defer d.mu.Unlock()
	if m == nil {
		d.mend(k)
		// It serves whoever comes, so its life is nobody's context.
		ctx, stop := context.WithCancel(context.Background())
		m = &mirror{stop: stop, ended: make(chan struct{}), changed: make(chan struct{})}
		d.mirrors[k] = m
		go func() {
			defer close(m.ended)
			d.copyAll(ctx, k, m)
		}()
	}
	m.users++
	return m, func() { d.leave(k, m) }
}

// mend cuts off what a crash left in the copies, before anybody reads them.
func (d *Dispatcher) mend(k key) {
	for _, name := range []string{dispatch.EventsFile, dispatch.LogFile} {
		path := filepath.Join(d.folder(k), name)
		if _, err := os.Stat(path); err != nil {
			continue
		}
		if file, _, err := openCopy(path); err == nil { // else copying says why
			file.Close()
		}
	}
}

func (d *Dispatcher) leave(k key, m *mirror) {
	d.mu.Lock()
	m.users--
	last := m.users == 0
	d.mu.Unlock()
	if !last {
		return
	}
	m.stop()
	<-m.ended
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mirrors[k] == m {
		delete(d.mirrors, k)
	}
}

// collected waits until the files of an attempt that is over are here, or surely will
// not be.
func (d *Dispatcher) collected(ctx context.Context, k key) error {
	m, leave := d.join(k)
	defer leave()
	for {
		changed, over, _ := m.state()
		if over {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

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
		wait(ctx, pauses.NextBackOff(), nil)
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
	pause := pollEvery
	if heard && known.Job != "" {
		pause = d.ReconcileEvery
	}
	return func(ctx context.Context) { wait(ctx, pause, woken) }
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
		if err != nil && ctx.Err() == nil && !errors.Is(err, errNoFile) && !errors.Is(err, errNoFiles) {
			return cluster.Explain("follow "+name, err)
		}
		wait(ctx, pauses.NextBackOff(), nil) // it is not there yet, or the stream ended
	}
	return nil
}
