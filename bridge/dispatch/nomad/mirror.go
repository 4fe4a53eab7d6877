package nomad

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"

	"seatrial/bridge/dispatch"
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
