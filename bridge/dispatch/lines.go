package dispatch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"

	"seatrial/harness/run"
)

// EventReader reads an event file while it grows. It is not safe for concurrent use.
type EventReader struct {
	Path string
	file *os.File
	rest []byte
}

// Next returns the events of the whole lines that were added since last time. A file
// that is not there yet has none.
func (r *EventReader) Next() ([]run.Event, error) {
	if r.file == nil {
		file, err := os.Open(r.Path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		r.file = file
	}
	added, err := io.ReadAll(r.file)
	if err != nil {
		return nil, err
	}
	r.rest = append(r.rest, added...)
	var events []run.Event
	for {
		line, rest, whole := bytes.Cut(r.rest, []byte("\n"))
		if !whole {
			return events, nil
		}
		r.rest = rest
		var e run.Event
		// A line cut short by a crash is followed by nothing or by garbage: skip it.
		if json.Unmarshal(line, &e) == nil {
			events = append(events, e)
		}
	}
}

// Close closes the file.
func (r *EventReader) Close() {
	if r.file != nil {
		r.file.Close()
	}
}

// Own keeps the events that a harness may have written about this attempt after the
// sequence number. The file is named by its place: an event about something else is a
// forgery or a mistake.
func Own(events []run.Event, id run.ID, attempt int, after int64) []run.Event {
	var own []run.Event
	for _, e := range events {
		if e.Run == id && e.Attempt == attempt && e.Source == run.Harness && e.Seq > after {
			after = e.Seq
			own = append(own, e)
		}
	}
	return own
}

// SaysFinished says whether an event file has the attempt's last word.
func SaysFinished(path string, id run.ID, attempt int) (bool, error) {
	lines := &EventReader{Path: path}
	defer lines.Close()
	events, err := lines.Next()
	for _, e := range Own(events, id, attempt, 0) {
		if e.Kind == run.KindFinished {
			return true, nil
		}
	}
	return false, err
}
