package github

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"seatrial/bridge/forge"
)

func FuzzCursor(f *testing.F) {
	f.Add(`{"start":"2026-01-02T03:04:05Z"}`)
	f.Add(`{"start":"2026-01-02T03:04:05Z","newest":"2026-01-02T03:05:05Z","repos":{"coop/app":{"start":"2026-01-02T03:04:05Z"}}}`)
	f.Add(`{"start":"0001-01-01T00:00:00Z"}`)
	f.Add(`{"repos":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCursor(forge.Cursor(text))
		if err != nil {
			return
		}
		again, err := parseCursor(c.encode())
		if err != nil || again.encode() != c.encode() {
			t.Errorf("%q became %q, then %q, %v", text, c.encode(), again.encode(), err)
		}
		if c.Since().Before(c.Start) {
			t.Errorf("%q asks since %s, before its start", text, c.Since())
		}
	})
}

func FuzzNextPage(f *testing.F) {
	f.Add(`<https://api.github.com/repositories/1000/issues?per_page=3&page=2>; rel="next", <https://api.github.com/repositories/1000/issues?per_page=3&page=5>; rel="last"`)
	f.Add(`<https://api.github.com/repositories/1/activity?after=Y3Vyc29y&since=a,b>; rel="next"`)
	f.Add(`<?page=2>;rel=next`)
	f.Add(`<x>; rel="prev", <; rel="next"`)
	f.Fuzz(func(t *testing.T, link string) {
		for name, values := range nextPage(http.Header{"Link": {link}}) {
			if !slices.Contains(pageKeys, name) || len(values) != 1 || values[0] == "" {
				t.Errorf("%q gives %s=%q", link, name, values)
			}
		}
	})
}

func FuzzPullIn(f *testing.F) {
	f.Add("https://github.com/coop/app/pull/7#issuecomment-1")
	f.Add("https://github.com/coop/app/issues/7#issuecomment-1")
	f.Add("https://github.com/pull/pull/pull/-1")
	f.Fuzz(func(t *testing.T, address string) {
		n, ok := pullIn(address)
		if ok && (n < 1 || !strings.Contains(address, "pull")) || !ok && n > 0 && strings.Contains(address, "/pull/1#") {
			t.Errorf("%q gives %d, %v", address, n, ok)
		}
	})
}

func FuzzOutput(f *testing.F) {
	f.Add("a title", "a summary", "src/main.go", 7, strings.Repeat("ü", mostOutput))
	f.Add("", "", "../etc/passwd", -1, "")
	f.Fuzz(func(t *testing.T, title, summary, path string, line int, text string) {
		s := forge.Status{Context: "seatrial", Description: title, Details: &forge.Details{Summary: summary, Notes: []forge.Note{{Path: path, Line: line, Title: title, Text: text}}}}
		out, notes := outputOf(s)
		if len(out.GetSummary()) > mostOutput || len(out.GetText()) > mostOutput || out.GetTitle() == "" || out.GetSummary() == "" {
			t.Errorf("a title of %d, a summary of %d and a text of %d bytes", len(out.GetTitle()), len(out.GetSummary()), len(out.GetText()))
		}
		if utf8.ValidString(text+title) && !utf8.ValidString(out.GetText()) {
			t.Error("a character was cut in two")
		}
		for _, n := range notes {
			if p := n.GetPath(); p == "" || p == "." || strings.HasPrefix(p, "/") || p == ".." || strings.HasPrefix(p, "../") || n.GetStartLine() < 1 || n.GetMessage() == "" || len(n.GetMessage()) > mostMessage {
				t.Errorf("an annotation %+v", *n)
			}
		}
		if len(notes) == 0 && strings.Count(out.GetText(), "\n") == 0 && text+title != "" {
			t.Error("the note got lost")
		}
	})
}

func TestTheCacheForgetsWhatWasNotAskedForLongest(t *testing.T) {
	c := newCache(3000)
	for _, key := range []string{"a", "b", "c", "a", "d", "e"} {
		if c.get(key) == nil {
			c.put(key, http.Header{"Etag": {key}, "Link": {"<x>"}}, []byte(strings.Repeat(key, 9)))
		}
		if c.bytes > 3000 || c.bytes < 200*c.list.Len() {
			t.Fatalf("%d entries are %d bytes", c.list.Len(), c.bytes)
		}
	}
	c.most = 700
	c.put("f", http.Header{"Etag": {"f"}}, []byte("f"))
	if c.get("f") == nil || c.get("b") != nil || c.list.Len() > 3 {
		t.Errorf("left: %v", c.list.Keys())
	}
	body, err := c.get("f").body()
	if err != nil || string(body) != "f" {
		t.Errorf("kept %q, %v", body, err)
	}
	c.put("none", http.Header{}, []byte("x"))
	c.put("large", http.Header{"Etag": {"x"}, "Link": {strings.Repeat("x", 1000)}}, nil)
	if c.get("none") != nil || c.get("large") != nil {
		t.Error("kept what it should not")
	}
}

func TestAddressesOfTheAPI(t *testing.T) {
	token := func() string { return "x" }
	for _, c := range []struct{ web, api, want string }{
		{"https://github.com", "", "https://api.github.com/"},
		{"https://GitHub.com/", "", "https://api.github.com/"},
		{"https://git.example.org/", "", "https://git.example.org/api/v3/"},
		{"https://example.org/git", "", "https://example.org/git/api/v3/"},
		{"https://github.com", "http://127.0.0.1:1", "http://127.0.0.1:1/"},
		{"github.com", "", ""},
		{"ssh://github.com", "", ""},
		{"https://token@github.com", "", ""},
		{"https://github.com", "https://x?y", ""},
	} {
		f, err := New(Config{ID: "github", URL: c.web, APIURL: c.api, Token: token})
		switch {
		case c.want == "" && err == nil:
			t.Errorf("%q and %q were taken: %s", c.web, c.api, f.api.BaseURL)
		case c.want != "" && (err != nil || f.api.BaseURL.String() != c.want):
			t.Errorf("%q and %q: %v", c.web, c.api, err)
		}
	}
	for what, c := range map[string]Config{
		"nothing":   {},
		"both":      {Token: token, Apps: []App{{ID: 1, Key: func() []byte { return nil }}}},
		"no key":    {Apps: []App{{ID: 1}}},
		"no number": {Apps: []App{{Key: func() []byte { return nil }}}},
	} {
		c.URL = "https://github.com"
		if _, err := New(c); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func TestOneSegmentStaysOne(t *testing.T) {
	for in, want := range map[string]string{"app": "app", "..": "%2E%2E", ".": "%2E", "a/b": "a%2Fb", "x?y#z": "x%3Fy%23z", "seatrial[bot]": "seatrial%5Bbot%5D"} {
		if got := segment(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestMarksOfACursorAskTheSameUntilSomethingIsNew(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	scope := forge.Organisation("github", "coop", []forge.Repo{{Forge: "github", Owner: "Coop", Name: "App"}})
	c, err := parseCursor(begin(scope, now).encode())
	noError(t, err)
	mark, ok := c.of(forge.Repo{Forge: "github", Owner: "coop", Name: "APP"})
	if !ok || !mark.Since().Equal(now) {
		t.Errorf("%+v, %v", mark, ok)
	}
	mark.Saw(now.Add(10*time.Minute), now.Add(10*time.Minute))
	if want := now.Add(8 * time.Minute); !mark.Since().Equal(want) {
		t.Errorf("asks since %s, want %s", mark.Since(), want)
	}
	mark.Saw(now.Add(24*time.Hour), now.Add(10*time.Minute)) // from the future
	if want := now.Add(8 * time.Minute); !mark.Since().Equal(want) {
		t.Errorf("asks since %s, want %s", mark.Since(), want)
	}
}
