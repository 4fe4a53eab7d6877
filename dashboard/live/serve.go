package live

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/internal/httpserver"
)

const (
	// heartbeat keeps proxies from closing a quiet stream.
	heartbeat = 15 * time.Second
	// writeLimit is how long a browser may take to accept what is sent.
	writeLimit = 10 * time.Second
	// retryMillis is how long a browser waits before it comes back, in milliseconds.
	retryMillis = 3000
)

// happening is what a stream says of an event. It holds no evidence and no data:
// the page has those.
type happening struct {
	Run     run.ID      `json:"run"`
	Attempt int         `json:"attempt"`
	Kind    run.Kind    `json:"kind"`
	Stage   run.Stage   `json:"stage,omitempty"`
	Outcome run.Outcome `json:"outcome,omitempty"`
	Note    string      `json:"note,omitempty"`
	At      time.Time   `json:"at"`
}

// Serve streams what happens in one run, or in all of them for an empty ID. A
// browser that comes back says in Last-Event-ID which position it knows.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, id run.ID) {
	known, err := strconv.ParseInt(r.Header.Get("Last-Event-ID"), 10, 64)
	s, behind, resync, at := h.subscribe(id, journal.Position(known), err == nil)
	if s == nil {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "There are no live updates right now. The page itself is up to date whenever it is loaded.", http.StatusServiceUnavailable)
		return
	}
	defer h.unsubscribe(s)

	header := w.Header()
	header.Set("Content-Type", "text/event-stream; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no")
	out := writer{w: w, control: http.NewResponseController(w)}
	// A server's limit on reading a request would end the stream. Where it cannot be
	// lifted, the browser comes back.
	_ = out.control.SetReadDeadline(time.Time{})
	out.printf("retry: %d\n\n", retryMillis)
	if resync {
		out.resync(at)
	} else if len(behind) == 0 {
		out.printf("id: %d\nevent: hello\ndata: {}\n\n", at)
	}
	for _, e := range behind {
		out.entry(e)
	}
	out.flush()
	h.pump(&out, s, r)
}

// pump sends until the browser goes, the hub or the server ends, or a write fails.
func (h *Hub) pump(out *writer, s *stream, r *http.Request) {
	ctx, cancel := httpserver.UntilEnd(r.Context())
	defer cancel()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for out.err == nil {
		select {
		case <-ctx.Done():
			if httpserver.Ending(ctx) {
				out.end()
			}
			return
		case <-s.closed:
			out.end()
			return
		case <-s.missed:
			// What waits is older than what did not fit: one look covers it all.
			at := h.position()
			for len(s.entries) > 0 {
				<-s.entries
			}
			out.resync(at)
		case e := <-s.entries:
			out.entry(e)
		case <-beat.C:
			out.printf(": still here\n\n")
		}
		out.flush()
	}
}

// writer writes until the first error.
type writer struct {
	w       http.ResponseWriter
	control *http.ResponseController
	err     error
}

func (o *writer) printf(format string, args ...any) {
	if o.err == nil {
		// Where deadlines cannot be set, the server's own hold.
		_ = o.control.SetWriteDeadline(time.Now().Add(writeLimit))
		_, o.err = fmt.Fprintf(o.w, format, args...)
	}
}

func (o *writer) flush() {
	if o.err == nil {
		o.err = o.control.Flush()
	}
}

// end is the last event. Browsers come back by themselves.
func (o *writer) end() {
	o.printf("event: end\ndata: {}\n\n")
	o.flush()
}

func (o *writer) resync(at journal.Position) {
	o.printf("id: %d\nevent: resync\ndata: {}\n\n", at)
}

func (o *writer) entry(e journal.Entry) {
	v := e.Event
	// JSON has no line breaks, so nothing that a stranger wrote ends the field.
	data, err := json.Marshal(happening{v.Run, v.Attempt, v.Kind, v.Stage, v.Outcome, v.Note, v.At})
	if err != nil {
		return
	}
	o.printf("id: %d\nevent: happened\ndata: %s\n\n", e.Position, data)
}
