// Package live tells browsers that something happened, by server-sent events.
//
// A stream is a hint to look again, not a second source of truth: pages work
// without it, and whoever was too slow or away for too long is told to look at
// everything anew (resync) instead of being sent a part. The package reads no
// database: it passes on what it is told by Publish, and remembers the last entries
// so that a short break loses nothing.
package live

import (
	"sync"

	"seatrial/harness/journal"
	"seatrial/harness/run"
)

const (
	// maxRemembered is how many entries a stream can catch up on.
	maxRemembered = 1024
	// streamBuffer is how many entries wait for one slow reader before it is told to
	// look anew.
	streamBuffer = 64
	// maxStreams bounds how many browsers are told: each holds a connection.
	maxStreams = 512
)

// Hub passes entries on to streams. The zero value is one that is closed.
type Hub struct {
	mu      sync.Mutex
	open    bool
	last    journal.Position
	first   journal.Position // everything after it is in ring
	ring    []journal.Entry
	streams map[*stream]bool
}

// stream is one reader.
type stream struct {
	run     run.ID // empty for every run
	entries chan journal.Entry
	missed  chan struct{} // holds one value when an entry did not fit
	closed  chan struct{}
}

// Open begins at a position: Publish will be called with every entry after it.
func (h *Hub) Open(at journal.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open, h.first, h.last, h.ring = true, at, at, nil
	if h.streams == nil {
		h.streams = map[*stream]bool{}
	}
}

// Close ends every stream, each with a last event.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open = false
	for s := range h.streams {
		close(s.closed)
		delete(h.streams, s)
	}
}

// Publish passes an entry on. It never waits for a reader.
func (h *Hub) Publish(e journal.Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.open || e.Position <= h.last {
		return
	}
	h.last = e.Position
	if len(h.ring) == maxRemembered {
		h.first = h.ring[0].Position
		h.ring = append(h.ring[:0], h.ring[1:]...)
	}
	h.ring = append(h.ring, e)
	for s := range h.streams {
		if s.run != "" && s.run != e.Event.Run {
			continue
		}
		select {
		case s.entries <- e:
		default:
			select {
			case s.missed <- struct{}{}:
			default: // it knows already
			}
		}
	}
}

// subscribe returns a stream from after the position on, or nil if there are too
// many or the hub is closed. resync says that something before cannot be told any
// more; at is where the stream begins.
func (h *Hub) subscribe(id run.ID, after journal.Position, resume bool) (s *stream, behind []journal.Entry, resync bool, at journal.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.open || len(h.streams) >= maxStreams {
		return nil, nil, false, 0
	}
	s = &stream{run: id, entries: make(chan journal.Entry, streamBuffer), missed: make(chan struct{}, 1), closed: make(chan struct{})}
	h.streams[s] = true
	if !resume {
		return s, nil, false, h.last
	}
	if after < h.first || after > h.last {
		return s, nil, true, h.last
	}
	for _, e := range h.ring {
		if e.Position > after && (id == "" || id == e.Event.Run) {
			behind = append(behind, e)
		}
	}
	return s, behind, false, h.last
}

func (h *Hub) unsubscribe(s *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.streams, s)
}

// position is that of the latest entry.
func (h *Hub) position() journal.Position {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}
