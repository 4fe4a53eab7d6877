package dispatch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"

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
	if err := r.open(); r.file == nil {
		return nil, err
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

// open opens the file, unless it is open or not there yet.
func (r *EventReader) open() error {
	if r.file != nil {
		return nil
	}
	file, err := os.Open(r.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		r.file = file
	}
	return err
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

// lastWords is how much of an event file's end is read for the last word: hundreds of events.
const lastWords = 64 << 10

// SaysFinished says whether an event file has the attempt's last word, which stands at its end.
func SaysFinished(path string, id run.ID, attempt int) (bool, error) {
	lines := &EventReader{Path: path}
	defer lines.Close()
	if err := lines.open(); lines.file == nil {
		return false, err
	}
	if info, err := lines.file.Stat(); err != nil {
		return false, err
	} else if _, err := lines.file.Seek(max(0, info.Size()-lastWords), io.SeekStart); err != nil {
		return false, err
	}
	events, err := lines.Next()
	finished := slices.ContainsFunc(Own(events, id, attempt, 0), func(e run.Event) bool { return e.Kind == run.KindFinished })
	return finished, err
}
