package adapter_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

func TestAnswersMeanWhatTheySay(t *testing.T) {
	wait := &forge.LimitedError{Until: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Why: "its hourly limit is used up"}
	for _, c := range []struct {
		answer adapter.Error
		is     error
		says   string
	}{
		{adapter.Error{Status: 404}, forge.ErrNotFound, "cannot look: not found: GET /x: 404 Not Found"},
		{adapter.Error{Status: 403}, forge.ErrForbidden, "cannot look: forbidden: GET /x: 403 Forbidden"},
		{adapter.Error{Status: 401}, forge.ErrUnauthorized, "cannot look: the token was not accepted: GET /x: 401 Unauthorized"},
		{adapter.Error{Status: 301, Location: "/y", Moved: true}, forge.ErrNotFound, "cannot look: not found: GET /x: 301 Moved Permanently, redirected to /y; it was renamed or moved, so use its new name"},
		{adapter.Error{Status: 403, Limited: wait}, forge.ErrLimited, "cannot look: the forge asks us to wait until 03:04:05 UTC: its hourly limit is used up: GET /x: 403 Forbidden"},
		{adapter.Error{Status: 404, Why: "the answer is not from the API"}, nil, "cannot look: GET /x: 404 Not Found, the answer is not from the API"},
		{adapter.Error{Status: 500, Beginning: "oh"}, nil, "cannot look: GET /x: 500 Internal Server Error: oh"},
	} {
		c.answer.Method, c.answer.Path = "GET", "/x"
		err := adapter.Failed(&url.Error{Op: "Get", URL: "https://secret.example.org", Err: &c.answer}, "look")
		if err.Error() != c.says {
			t.Errorf("%d says %q, want %q", c.answer.Status, err, c.says)
		}
		for _, means := range []error{forge.ErrNotFound, forge.ErrForbidden, forge.ErrUnauthorized, forge.ErrLimited} {
			if errors.Is(err, means) != (means == c.is) {
				t.Errorf("%v is %v: %v", err, means, errors.Is(err, means))
			}
		}
		if limited, ok := errors.AsType[*forge.LimitedError](err); ok != (c.is == forge.ErrLimited) || ok && limited.Until != wait.Until {
			t.Errorf("%v: waits until %v", err, limited)
		}
	}
	kept := fmt.Errorf("kept: %w", wait)
	if err := adapter.Failed(kept, "look"); !errors.Is(err, kept) || !errors.Is(err, forge.ErrLimited) {
		t.Errorf("got %v", err)
	}
	if adapter.Failed(nil, "look") != nil {
		t.Error("nothing failed, but there is an error")
	}
}

func TestTheBeginningOfABodyIsHarmless(t *testing.T) {
	for in, want := range map[string]string{
		" a\n\tb\x1b[31m\u202e c ": "a b[31m c",
		strings.Repeat("x", 300):   strings.Repeat("x", 200) + "…",
		strings.Repeat("ü", 5000):  strings.Repeat("ü", 200) + "…",
		"\xff\xfe":                 "",
	} {
		if got := adapter.Beginning([]byte(in)); got != want {
			t.Errorf("%.20q begins with %q, want %q", in, got, want)
		}
	}
}

func TestJudgeReadsHowLongToWait(t *testing.T) {
	r, err := http.NewRequest("GET", "http://127.0.0.1/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]time.Duration{
		"3": 3 * time.Second, "-1": 0, "soon": 0, "99999999999999999999": 0, "Thu, 26 Nov 2026 01:00:30 GMT": 30 * time.Second,
	} {
		resp := &http.Response{StatusCode: 503, Header: http.Header{"Retry-After": {header}, "Date": {"Thu, 26 Nov 2026 01:00:00 GMT"}}}
		answer, ok := errors.AsType[*adapter.Error](adapter.Judge(r, resp, []byte("{}")))
		if !ok || answer.RetryAfter != want || !answer.Temporary() {
			t.Errorf("%q: %+v", header, answer)
		}
	}
}

func TestAMarkGoesBackWithTheClock(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	m := adapter.Mark{Start: now, Newest: now.Add(time.Hour)}
	if same, moved := m.Back(now.Add(time.Hour - adapter.Overlap)); moved || same != m {
		t.Errorf("a little back: %+v", same)
	}
	if earlier, moved := m.Back(now); !moved || !earlier.Since().Equal(now.Add(-adapter.Overlap)) {
		t.Errorf("far back: %+v", earlier)
	}
}
