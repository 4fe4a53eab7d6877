package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	answers "seatrial/bridge/answer"
)

// sane holds of whatever the bridge is asked because of a stranger's text.
func sane(t *testing.T, asked []answers.Ask) {
	t.Helper()
	for _, a := range asked {
		words := append([]string{a.Repo.Owner, a.Repo.Name, a.Branch, a.Commit, a.Flavor, a.Key}, a.Needs...)
		for _, word := range words {
			if strings.ContainsAny(word, "\x00\r\n\x1b") || len(word) > 1000 {
				t.Errorf("the bridge is asked with %q", word)
			}
		}
		if a.Pull < 0 || a.Pull != 0 && a.Branch != "" || a.Via == "" || !a.Vouched {
			t.Errorf("the bridge is asked for %+v", a)
		}
	}
}

func FuzzRunRequest(f *testing.F) {
	for _, seed := range []string{
		`{"repo": "coop/guestbook", "pull": 7, "commit": "` + commit + `", "needs": ["kvm"], "flavor": "arm", "key": "k1"}`,
		`{"repo": "coop/guestbook", "branch": "release/1.x", "forge": "gitea"}`, `{"REPO": "coop/guestbook"}`, `{"repo": "coop/../x"}`, `null`, `[]`, `{"repo"`,
		`{"repo": "coop/guestbook", "needs": [null]}`, `{"repo": "coop/guestbook", "pull": 1e3}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		l := labWith(t, one{"**"})
		w := l.do(http.MethodPost, "/api/v1/run", body, "Authorization", "Bearer t")
		if w.Code != http.StatusAccepted && (w.Code < 400 || w.Code >= 500) || (w.Code == http.StatusAccepted) != (len(l.asked) == 1) {
			t.Errorf("%q: %d, asked %+v", body, w.Code, l.asked)
		}
		sane(t, l.asked)
	})
}

func FuzzHook(f *testing.F) {
	for _, query := range []string{"", "flavor=arm&hints=a+b", "branches=*", "hints=%00", "branches=%5B"} {
		f.Add("pull_request", "", query, opened)
		f.Add("push", "a+b", query, pushed)
	}
	f.Add("issue_comment", "", "", `{"action":"created","issue":{"number":7},"comment":{"id":1},"is_pull":true,"repository":{"full_name":"coop/guestbook"}}`)
	f.Fuzz(func(t *testing.T, event, path, query, body string) {
		if len(path) > 0 {
			path = "/" + url.PathEscape(path)
		}
		given, _ := url.ParseQuery(query)
		given.Set("token", "t")
		l := labWith(t, one{"coop/guestbook"})
		w := l.post("/hook"+path+"?"+given.Encode(), event, body)
		if w.Code != http.StatusAccepted && w.Code != http.StatusOK && (w.Code < 400 || w.Code >= 500) || (w.Code == http.StatusAccepted) != (len(l.asked) == 1) {
			t.Errorf("%d %s, asked %+v", w.Code, w.Body, l.asked)
		}
		sane(t, l.asked)
	})
}
