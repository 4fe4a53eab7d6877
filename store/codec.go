package store

import (
	"encoding/json"
	"fmt"
	"time"

	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// stamp writes times so that they sort as text and can be read by people. The zero
// time is empty.
const (
	stamp    = "2006-01-02T15:04:05.000000000Z"
	lastYear = 9999 // that the stamp can hold
)

func encodeTime(t time.Time) string {
	t = t.UTC()
	switch {
	case t.IsZero(), t.Year() < 0:
		return ""
	case t.Year() > lastYear: // a forge may say anything
		t = time.Date(lastYear, 12, 31, 23, 59, 59, 0, time.UTC)
	}
	return t.Format(stamp)
}

// timeColumn scans what encodeTime wrote.
type timeColumn struct{ to *time.Time }

// Scan implements sql.Scanner.
func (c timeColumn) Scan(value any) (err error) {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("a time is %T, not text", value)
	}
	*c.to = time.Time{}
	if text != "" {
		*c.to, err = time.Parse(stamp, text)
	}
	return err
}

// body is the part of an event that no query asks for.
type body struct {
	Stage   run.Stage       `json:"stage,omitempty"`
	Outcome run.Outcome     `json:"outcome,omitempty"`
	Took    time.Duration   `json:"took,omitempty"`
	Note    string          `json:"note,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"`
}

func encodeBody(e run.Event) (string, error) {
	raw, err := json.Marshal(body{e.Stage, e.Outcome, e.Took, e.Note, e.Data})
	return string(raw), err
}

// entryColumns are what scanEntry reads.
const entryColumns = `position, run, attempt, source, seq, at, kind, body`

type scanner interface{ Scan(into ...any) error }

func scanEntry(row scanner) (journal.Entry, error) {
	var entry journal.Entry
	var raw []byte
	e := &entry.Event
	err := row.Scan(&entry.Position, &e.Run, &e.Attempt, &e.Source, &e.Seq, timeColumn{&e.At}, &e.Kind, &raw)
	if err != nil {
		return journal.Entry{}, err
	}
	var b body
	if err := json.Unmarshal(raw, &b); err != nil {
		return journal.Entry{}, fmt.Errorf("cannot decode event %d: %w", entry.Position, err)
	}
	e.Stage, e.Outcome, e.Took, e.Note, e.Data = b.Stage, b.Outcome, b.Took, b.Note, b.Data
	return entry, nil
}
