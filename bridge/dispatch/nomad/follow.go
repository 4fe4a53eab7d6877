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
		// A copy that was of another allocation was removed: it is read anew then.
		path := filepath.Join(d.folder(k), dispatch.EventsFile)
		for {
			// The state first: what was written before the end is then surely read.
			changed, over := m.state()
			events, err := readEvents(path)
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

func readEvents(path string) ([]run.Event, error) {
	reader := &dispatch.EventReader{Path: path}
	defer reader.Close()
	return reader.Next()
}
