package harness

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"seatrial/harness/run"
)

// readEvents reads the events of a file that may still be written to: a last line
// that is not whole yet is left out.
func readEvents(r io.Reader) ([]run.Event, error) {
	var events []run.Event
	lines := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return events, nil
		}
		if err != nil {
			return events, fmt.Errorf("cannot read the events: %w", err)
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		var e run.Event
		if err := json.Unmarshal(line, &e); err != nil {
			return events, fmt.Errorf("cannot read the events: line %d is no event: %w", n, err)
		}
		events = append(events, e)
	}
}

func events(t *testing.T, path string) []run.Event {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	all, err := readEvents(file)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEventsAreReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	f, err := OpenEventFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	note := "two\nlines, \u2028 and " + strings.Repeat("long ", 10_000)
	for seq := range int64(3) {
		if err := f.Append(run.Event{Run: "r", Seq: seq + 1, Note: note}); err != nil {
			t.Fatal(err)
		}
	}
	all := events(t, path)
	if len(all) != 3 || all[2].Seq != 3 || all[2].Note != note {
		t.Errorf("read %d events", len(all))
	}
	if content, _ := os.ReadFile(path); bytes.Count(content, []byte("\n")) != 3 {
		t.Error("an event is not one line")
	}
}

// However much of the last line a crash left, what stands before it is read, and a
// file opened again goes on after it.
func TestACrashInTheMiddleOfALine(t *testing.T) {
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole")
	f, err := OpenEventFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	for seq := range int64(2) {
		if err := f.Append(run.Event{Run: "r", Seq: seq + 1, Note: strings.Repeat("x", 6000)}); err != nil {
			t.Fatal(err)
		}
	}
	f.Close()
	content, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.IndexByte(content, '\n') + 1
	for _, cut := range []int{0, 1, first - 1, first, first + 1, first + 5000, len(content) - 1} {
		path := filepath.Join(dir, "cut")
		if err := os.WriteFile(path, content[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		before := len(events(t, path))
		if want := bytes.Count(content[:cut], []byte("\n")); before != want {
			t.Fatalf("cut at %d: read %d events, want %d", cut, before, want)
		}
		f, err := OpenEventFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Append(run.Event{Run: "r", Seq: 9}); err != nil {
			t.Fatal(err)
		}
		f.Close()
		if all := events(t, path); len(all) != before+1 || all[before].Seq != 9 {
			t.Errorf("cut at %d: after one more there are %d events", cut, len(all))
		}
	}
}

func TestALineThatIsNoEventIsSaid(t *testing.T) {
	_, err := readEvents(strings.NewReader("{\"run\":\"r\"}\nnonsense\n"))
	if err == nil || !strings.Contains(err.Error(), "line 2 is no event") {
		t.Errorf("got %v", err)
	}
}

func TestALogHasAnEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, err := OpenLogFile(path, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				if _, err := l.Write([]byte("a line of the app\n")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	l.Close()
	content, _ := os.ReadFile(path)
	if len(content) > 1100 || strings.Count(string(content), "the log was cut here") != 1 {
		t.Errorf("%d bytes, ending %q", len(content), content[max(0, len(content)-80):])
	}
}

func TestMask(t *testing.T) {
	m := NewMask([]string{"s3cret-token", "s3cret-token-and-more", "tiny", "-----BEGIN KEY-----\nMIIEpAIBAAK\n-----END KEY-----", "p@ss word!"})
	for text, want := range map[string]string{
		"token=s3cret-token;":         "token=<redacted>;",
		"s3cret-token-and-more":       "<redacted>",
		"tiny stays":                  "tiny stays",
		"x MIIEpAIBAAK y":             "x <redacted> y",
		"?q=p%40ss+word%21&r=1":       "?q=<redacted>&r=1",
		"nothing to hide":             "nothing to hide",
		"s3cret-tokens3cret-token":    "<redacted><redacted>",
		"/path/p@ss%20word%21/and/so": "/path/<redacted>/and/so",
	} {
		if got := m.String(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	var nobody *Mask
	if nobody.String("x") != "x" || (&Mask{}).String("x") != "x" {
		t.Error("a mask without secrets changed a text")
	}
}

func TestMaskedEventsKeepTheirNumbers(t *testing.T) {
	m := NewMask([]string{`quo"ted\secret`})
	e := m.Event(run.Event{Note: `quo"ted\secret`}.With(map[string]any{"took": int64(1<<62 + 1), "in": []string{`a quo"ted\secret`}}))
	var data struct {
		Took int64
		In   []string
	}
	if err := json.Unmarshal(e.Data, &data); err != nil {
		t.Fatal(err)
	}
	if e.Note != redacted || data.Took != 1<<62+1 || data.In[0] != "a "+redacted {
		t.Errorf("got %q %s", e.Note, e.Data)
	}
}

// However a stream is cut into writes, no secret in it comes through.
func TestAMaskedStreamLeaksNothing(t *testing.T) {
	const secret = "abcabcabd-secret"
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		for range rapid.IntRange(1, 20).Draw(t, "parts") {
			text.WriteString(rapid.SampledFrom([]string{secret, "abc", "\n", "x", strings.Repeat("long", longestHeld/8), strings.Repeat("z", longestHeld-3)}).Draw(t, "part"))
		}
		text.WriteByte('\n')
		var out bytes.Buffer
		w := NewMask([]string{secret}).Writer(&out)
		rest := text.String()
		for rest != "" {
			n := rapid.IntRange(1, len(rest)).Draw(t, "cut")
			if _, err := w.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if strings.Contains(out.String(), secret) {
			t.Fatal("the secret came through")
		}
		if want := strings.ReplaceAll(text.String(), secret, redacted); out.String() != want {
			t.Fatalf("the stream changed: %d bytes, want %d", out.Len(), len(want))
		}
	})
}
