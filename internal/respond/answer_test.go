package respond

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestProblems(t *testing.T) {
	for _, c := range []struct {
		p    Problem
		want string
	}{
		{Problem{Status: 404, Detail: "It is not here."}, `{
  "title": "Not Found",
  "status": 404,
  "detail": "It is not here."
}
`},
		{Problem{Status: 429, Detail: "Too much.", Next: "Wait.", Reason: "too-often", Retry: 1500 * time.Millisecond}, `{
  "type": "urn:seatrial:problem:too-often",
  "title": "Too Many Requests",
  "status": 429,
  "detail": "Too much.",
  "next": "Wait.",
  "reason": "too-often"
}
`},
	} {
		w := httptest.NewRecorder()
		c.p.JSON(w)
		if w.Code != c.p.Status || w.Body.String() != c.want || w.Header().Get("Content-Type") != ProblemType {
			t.Errorf("%d %s %s", w.Code, w.Header(), w.Body)
		}
		if want := map[int]string{429: "2"}[c.p.Status]; w.Header().Get("Retry-After") != want {
			t.Errorf("Retry-After is %q, want %q", w.Header().Get("Retry-After"), want)
		}
	}
	w := httptest.NewRecorder()
	Problem{Status: 405, Detail: "No.", Next: "Post it."}.Text(w)
	if w.Body.String() != "No. Post it.\n" || w.Header().Get("Allow") != http.MethodPost || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s %q", w.Header(), w.Body)
	}
}

func TestBrief(t *testing.T) {
	if got := Brief("short"); got != "short" {
		t.Errorf("got %q", got)
	}
	if got := Brief(strings.Repeat("ä", 80)); got != strings.Repeat("ä", 50)+"…" {
		t.Errorf("got %q", got)
	}
}
