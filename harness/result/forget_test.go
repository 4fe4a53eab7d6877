package result_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"seatrial/harness/result"
	"seatrial/harness/run"
)

func TestAPersonIsForgottenInAResult(t *testing.T) {
	dir, who := t.TempDir(), run.Accounts{{Person: run.Person{Login: "ada"}}}
	if found, err := result.Forget(dir, who, false); err != nil || found {
		t.Errorf("without a result: %v, %v", found, err)
	}
	r := run.Report{
		Request: run.Request{ID: "x", Recipe: "guestbook", AskedBy: run.Person{Login: "Ada", ID: 7}},
		State:   run.Ended, Joined: []string{"grace", "ada"}, CancelAsked: "ada: wrong branch",
	}
	if err := result.Write(dir, r); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, result.JSONFile)
	text := func() string {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	before := text()
	if found, err := result.Forget(dir, who, true); err != nil || !found || text() != before {
		t.Errorf("to see whether: %v, %v", found, err)
	}
	if found, err := result.Forget(dir, who, false); err != nil || !found {
		t.Errorf("forgotten: %v, %v", found, err)
	}
	want := strings.NewReplacer(`"login": "Ada",`, `"login": "somebody"`, "\n        \"id\": 7", "", `"ada"`, `"somebody"`, `"ada: wrong`, `"somebody: wrong`).Replace(before)
	if got := text(); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if found, err := result.Forget(dir, who, false); err != nil || found {
		t.Errorf("again: %v, %v", found, err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := result.Forget(dir, who, false); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a damaged result: %v", err)
	}
}
