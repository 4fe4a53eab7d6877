package joblog

import (
	"io"
	"net/http"
	"time"
)

// writer sends each chunk at once, and remembers the first error. Not safe for
// concurrent use.
type writer struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool // the status was sent
	err     error
}

func newWriter(w http.ResponseWriter) *writer {
	out := &writer{w: w, control: http.NewResponseController(w)}
	w.Header().Set("X-Accel-Buffering", "no")
	// A server's limit on reading a request would end the stream. Where it cannot be
	// lifted, the reader asks again.
	_ = out.control.SetReadDeadline(time.Time{})
	return out
}

// begin lets a reader who will wait see at once that there is an answer.
func (o *writer) begin(waits bool) {
	if waits {
		o.begun, o.err = true, o.control.Flush()
	}
}

func (o *writer) Write(chunk []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	if len(chunk) == 0 {
		return 0, nil
	}
	o.begun = true
	// Where deadlines cannot be set, the server's own hold.
	_ = o.control.SetWriteDeadline(time.Now().Add(writeLimit))
	n, err := o.w.Write(chunk)
	if err == nil {
		err = o.control.Flush()
	}
	o.err = err
	return n, err
}

// abort ends the answer in such a way that programs see that it is not whole.
func (o *writer) abort(words string) {
	_, _ = io.WriteString(o, words)
	panic(http.ErrAbortHandler) // the server closes the connection and says nothing
}
