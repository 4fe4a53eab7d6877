package nomad

import (
	"context"
	"iter"
	"path/filepath"

	"seatrial/bridge/dispatch"
	"seatrial/harness/run"
)

// Follow copies the attempt's files here, and yields the events of the copy. What keeps
// it from the cluster is logged and tried again; an error is about this side's disk.
func (d *Dispatcher) Follow(ctx context.Context, id run.ID, attempt int, after int64) iter.Seq2[run.Event, error] {
	return func(yield func(run.Event, error) bool) {
		k := key{id, attempt}
		m, leave := d.join(k)
		defer leave()
		path := filepath.Join(d.folder(k), dispatch.EventsFile)
		reader, of := &dispatch.EventReader{Path: path}, 0
		defer func() { reader.Close() }()
		for {
			// The state first: what was written before the end is then surely read.
			changed, over, renewed := m.state()
			if renewed != of { // it is a copy of another allocation's now
				reader.Close()
				reader, of = &dispatch.EventReader{Path: path}, renewed
			}
			events, err := reader.Next()
			if err != nil {
				yield(run.Event{}, err)
				return
			}
			for _, e := range dispatch.Own(events, id, attempt, after) {
				after = e.Seq
				if !yield(e, nil) {
					return
				}
			}
			if over {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-changed:
			}
		}
	}
}
