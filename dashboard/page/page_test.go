package page

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"seatrial/harness/run"
)

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"plain\n\ttext": "plain\n\ttext", "Zürich 日本": "Zürich 日本", "a\u202eb": "a⟨U+202E⟩b", "\x1b[2J": "⟨U+001B⟩[2J",
		"zero\u200bwidth": "zero⟨U+200B⟩width", "\xff": "\ufffd", "\u2028": "⟨U+2028⟩", "\u3164": "⟨U+3164⟩",
	} {
		if got := visible(in); got != want {
			t.Errorf("visible(%q) = %q, want %q", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		for _, r := range visible(rapid.String().Draw(t, "text")) {
			if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
				t.Fatalf("%U is left", r)
			}
		}
	})
}

func TestLine(t *testing.T) {
	if got := line(" two\r\nlines\tof text ", 9); got != "two⟨U+00…" {
		t.Errorf("got %q", got)
	}
	if got := line("äöü", 3); got != "äöü" {
		t.Errorf("got %q", got)
	}
}

func TestSpans(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "", -time.Second: "", time.Microsecond: "1 ms", 40 * time.Millisecond: "40 ms", 1500 * time.Millisecond: "1.5 s",
		59900 * time.Millisecond: "59 s", 90 * time.Second: "1 min 30 s", 20 * time.Minute: "20 min", 61 * time.Minute: "1 h 1 min", time.Hour: "1 h",
	} {
		if got := durationText(d); got != want {
			t.Errorf("span(%s) = %q, want %q", d, got, want)
		}
	}
	now := time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
	for ago, want := range map[time.Duration]string{
		0: "just now", 90 * time.Second: "1 minute ago", 3 * time.Hour: "3 hours ago", 72 * time.Hour: "3 days ago", -2 * time.Minute: "in 2 minutes",
	} {
		if got := (moment{now.Add(-ago), now}).Age(); got != want {
			t.Errorf("%s ago = %q, want %q", ago, got, want)
		}
	}
}

func TestWebLink(t *testing.T) {
	for in, ok := range map[string]bool{
		"https://git.example.org/a/b/pulls/1": true, "http://127.0.0.1:3000/x": true, "javascript:alert(1)": false, "": false, "//evil": false,
		"data:text/html,x": false, "https://user:pw@evil/": false, "https://e\u202example": false, "/relative": false, "https:///x": false,
	} {
		if got := webLink(in); (got != "") != ok {
			t.Errorf("webLink(%q) = %q", in, got)
		}
	}
}

func TestAtHome(t *testing.T) {
	r := run.Request{Recipe: "guest book", Code: run.Code{URL: "https://git/$(x).git", Ref: "refs/pull/1/head", Commit: "abc"}, Only: run.StageLint}
	want := "git clone 'https://git/$(x).git' './guest book' && cd './guest book'\n" +
		"git fetch origin refs/pull/1/head && git checkout --detach abc\n" +
		"seatrial run . --enrolment 'tests/it'\\''s.yaml' --commit abc --only lint"
	if got := atHome(r, "tests/it's.yaml"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for name, change := range map[string]func(*run.Request){
		"a line break":          func(r *run.Request) { r.Code.Ref = "x\nrm -rf /" },
		"an escape":             func(r *run.Request) { r.Code.URL = "\x1b[8mhidden" },
		"no commit":             func(r *run.Request) { r.Code.Commit = "" },
		"no address":            func(r *run.Request) { r.Code.URL = "" },
		"a work tree":           func(r *run.Request) { r.Code.WorkTree = true },
		"a direction character": func(r *run.Request) { r.From = "v1\u202e" },
	} {
		bad := r
		change(&bad)
		if got := atHome(bad, ""); got != "" {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

var (
	tags     = regexp.MustCompile(`</?[^>]*>`)
	spanTags = regexp.MustCompile(`^(</span>|<span class="(term-\w+ ?)+">)$`)
)

func TestInkMakesNothingButColours(t *testing.T) {
	pieces := []string{"\x1b[31m", "\x1b[0m", "\x1b[1;4;38;5;200m", "\x1b]8;;https://x\x07", "\x1b_bk;t=1\x07", "\x1b]1337;File=inline=1:aGk=\x07", "\x1b[2A", "\x1b[2K",
		"<b>", "&", "\"", "'", "\r", "\b", "\n", "\t", "\x00", "\u202e", "\x9b31m", "\xff", "text ", "\x1b", "\x1b[", "javascript:"}
	rapid.Check(t, func(t *rapid.T) {
		in := strings.Join(rapid.SliceOf(rapid.SampledFrom(pieces)).Draw(t, "pieces"), "")
		out := string(logHTML(in))
		for _, tag := range tags.FindAllString(out, -1) {
			if !spanTags.MatchString(tag) {
				t.Fatalf("%q became %q with %s", in, out, tag)
			}
		}
		for _, r := range out {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
				t.Fatalf("%q: %U is left in %q", in, r, out)
			}
		}
	})
}

func TestInkLosesNoLine(t *testing.T) {
	var in strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&in, "line %d %s.\n", i, strings.Repeat("x", i%400))
	}
	if got := tags.ReplaceAllString(string(logHTML(in.String())), "") + "\n"; got != in.String() {
		t.Errorf("%d lines of %d came back", strings.Count(got, "\n"), strings.Count(in.String(), "\n"))
	}
}

func TestTidy(t *testing.T) {
	for in, want := range map[string]string{
		"10%\r50%\r100%": "10% ⟨written over 2×⟩ 100%", "a\tb": "a    b", "\x1b[31mred\x1b[0m": "\x1b[31mred\x1b[0m", "\x1b[2Kx": "⟨U+001B⟩[2Kx",
	} {
		if got := cleanLine(in); got != want {
			t.Errorf("tidy(%q) = %q, want %q", in, got, want)
		}
	}
	if got := cleanLine(strings.Repeat("ä", maxLine)); len(got) > maxLine+80 || !strings.Contains(got, "raw log") {
		t.Errorf("a long line came back with %d bytes", len(got))
	}
}

func TestSections(t *testing.T) {
	text := "14:00:00 == started\n14:00:01 == lint\n14:00:02 == lint passed after 3ms\n14:00:02 == upgrade\nweb | == install\n14:00:09 == upgrade failed after 7s: gone\n14:00:09 == frobnicate\n== restart\nhi"
	var got []string
	for _, s := range sections(text) {
		got = append(got, fmt.Sprintf("%s %s %d %v", s.Title, s.Sign.Word, s.Lines, s.Open))
	}
	want := "Before the first stage  1 false, lint passed 2 false, upgrade failed 4 true, restart  2 true"
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
}

type text struct{ *strings.Reader }

func (text) Close() error { return nil }

func TestLongLogIsReadInParts(t *testing.T) {
	var whole strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&whole, "web | this is line %06d\n", i)
	}
	p := &Pages{Config: Config{OpenLog: func(_ run.ID, n int) (io.ReadSeekCloser, error) {
		if n != 1 {
			return nil, fs.ErrNotExist
		}
		return text{strings.NewReader(whole.String())}, nil
	}}}
	end, err := p.readLog("x", 1, -logWindow, logWindow, false)
	if err != nil {
		t.Fatal(err)
	}
	if s := string(end.Text); !strings.HasSuffix(s, "line 019999") || !strings.HasPrefix(s, "web | this") || end.To != end.Size {
		t.Errorf("the end goes from %d to %d: %.30s", end.From, end.To, s)
	}
	// Following "Later" from the beginning shows every line once.
	var got strings.Builder
	for at := int64(0); at < int64(whole.Len()); {
		v, err := p.readLog("x", 1, at, logWindow, false)
		if err != nil || v.To <= at {
			t.Fatalf("stuck at %d: %v", at, err)
		}
		got.WriteString(string(v.Text) + "\n")
		at = v.To
	}
	if got.String() != whole.String() {
		t.Errorf("%d lines of 20000 were shown", strings.Count(got.String(), "\n"))
	}
	if _, err := p.readLog("x", 2, 0, logWindow, false); err == nil {
		t.Error("a log that is not there was read")
	}
	u, _ := url.Parse("/runs/x/log?view=plain&attempt=2")
	if links := logLinks(u, end); len(links) != 2 || links[0].URL != "/runs/x/log?attempt=2&from=0&view=plain" {
		t.Errorf("links: %v", links)
	}
}

func TestIndexInPages(t *testing.T) {
	for asked, want := range map[string]string{
		"": "1 to 100 of 250,  /?page=2&q=x", "1": "1 to 100 of 250,  /?page=2&q=x", "2": "101 to 200 of 250, /?page=1&q=x /?page=3&q=x",
		"3": "201 to 250 of 250, /?page=2&q=x ", "99": "201 to 250 of 250, /?page=2&q=x ", "-5": "1 to 100 of 250,  /?page=2&q=x", "x": "1 to 100 of 250,  /?page=2&q=x",
	} {
		page := indexPage{Rows: make([]recipeRow, 250)}
		page.cut(url.Values{"q": {"x"}, "page": {asked}})
		if got := fmt.Sprintf("%d to %d of %d, %s %s", page.First, page.Last(), page.Found, page.Previous, page.Next); got != want {
			t.Errorf("page %q: %s, want %s", asked, got, want)
		}
	}
	none := indexPage{}
	none.cut(url.Values{})
	if len(none.Rows) != 0 || none.Next != "" {
		t.Errorf("nothing: %+v", none)
	}
}

func TestMessageForAnUnknownAddress(t *testing.T) {
	p := New(Config{Now: time.Now})
	mux := http.NewServeMux()
	p.Register(mux)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodPut, "/runs/x", nil))
	if w.Code != http.StatusMethodNotAllowed || !strings.Contains(w.Body.String(), "seatrial runs cancel") {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}

func BenchmarkInk(b *testing.B) {
	in := strings.Repeat("web | \x1b[32mINFO\x1b[0m a line as a log has many\n", logWindow/45)
	for b.Loop() {
		logHTML(in)
	}
}
