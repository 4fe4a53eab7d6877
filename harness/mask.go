package harness

import (
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"

	"seatrial/harness/run"
)

const (
	// shortestSecret is how long a value must be to be masked: shorter ones would
	// mask half of every log.
	shortestSecret = 8
	redacted       = "<redacted>"
	// longestHeld is how much of a line without an end is held back.
	longestHeld = 64 << 10
)

// Mask hides secret values in text. The zero value, and nil, hide nothing.
type Mask struct {
	replacer *strings.Replacer
	longest  int
}

// NewMask returns a mask for the values, each line of each, and their URL-encoded form.
func NewMask(secrets []string) *Mask {
	var forms []string
	for _, secret := range secrets {
		for line := range strings.Lines(secret) {
			line = strings.TrimSpace(line)
			for _, form := range []string{line, url.QueryEscape(line), url.PathEscape(line)} {
				if len(line) >= shortestSecret && !slices.Contains(forms, form) {
					forms = append(forms, form)
				}
			}
		}
	}
	if len(forms) == 0 {
		return &Mask{}
	}
	// A secret that begins like a longer one must not leave the longer one's end.
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	m := &Mask{longest: len(forms[0])}
	var pairs []string
	for _, form := range forms {
		pairs = append(pairs, form, redacted)
	}
	m.replacer = strings.NewReplacer(pairs...)
	return m
}

// String hides the values in a text.
func (m *Mask) String(s string) string {
	if m == nil || m.replacer == nil {
		return s
	}
	return m.replacer.Replace(s)
}

// Event hides the values in an event's texts, also inside its data.
func (m *Mask) Event(e run.Event) run.Event {
	if m == nil || m.replacer == nil {
		return e
	}
	e.Note = m.String(e.Note)
	if len(e.Data) == 0 {
		return e
	}
	var data any
	decoder := json.NewDecoder(bytes.NewReader(e.Data))
	decoder.UseNumber()
	if decoder.Decode(&data) != nil {
		return e
	}
	return e.With(m.walk(data))
}

func (m *Mask) walk(v any) any {
	switch v := v.(type) {
	case string:
		return m.String(v)
	case []any:
		for i := range v {
			v[i] = m.walk(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = m.walk(v[key])
		}
	}
	return v
}

// Writer returns a writer that hides the values in whole lines before it passes
// them on. A line without an end is held until it gets one or becomes very long.
// It is safe for concurrent use.
func (m *Mask) Writer(w io.Writer) io.Writer { return &maskWriter{mask: m, to: w} }

type maskWriter struct {
	mask *Mask
	to   io.Writer
	mu   sync.Mutex
	held []byte
}

func (w *maskWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = append(w.held, p...)
	end := bytes.LastIndexByte(w.held, '\n') + 1
	if end == 0 && len(w.held) > longestHeld {
		// No line has an end here. What is whole is hidden now, and what may be the
		// beginning of a secret is held back.
		w.held = []byte(w.mask.String(string(w.held)))
		end = len(w.held) - w.mask.longest
	}
	if end <= 0 {
		return len(p), nil
	}
	out := w.mask.String(string(w.held[:end]))
	w.held = append([]byte(nil), w.held[end:]...)
	if _, err := io.WriteString(w.to, out); err != nil {
		return 0, err
	}
	return len(p), nil
}
