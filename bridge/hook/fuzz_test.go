package hook_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"seatrial/bridge/forge"
	"seatrial/bridge/hook"
)

// seeds are payloads of every kind of event, and for GitHub the recorded ones.
func seeds(f *testing.F, github bool) {
	for event, bodies := range map[string][]string{
		"issue_comment": {created, edited, deleted}, "push": {pushed}, "pull_request": {closed}, "merge_group": {grouped}, "ping": {`{"zen":"x"}`},
		"repository": {`{"action":"renamed","changes":{"repository":{"name":{"from":"guestbook"}}},"repository":{"full_name":"coop/visitors"}}`}, "watch": {`[]`},
	} {
		for _, body := range bodies {
			f.Add(event, []byte(body))
		}
	}
	files, err := filepath.Glob("testdata/gitea/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		event, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), "-")
		f.Add(event, body)
	}
	if _, err := os.Stat("../../.cache/octokit"); github && err == nil {
		for _, p := range recorded(f) {
			f.Add(p.event, p.body)
		}
	}
}

var (
	plain = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
	kinds = []hook.Kind{hook.Comment, hook.Push, hook.Pull, hook.MergeGroup, hook.Ping, hook.Ignored}
)

// readable holds of every event, whatever it was made from.
func readable(t *testing.T, e hook.Event, err error) {
	t.Helper()
	switch {
	case err != nil && e != (hook.Event{}) && e.Kind != hook.Ignored:
		t.Errorf("%+v and %v", e, err)
	case err != nil:
		if text := err.Error(); len(text) > 300 || strings.ContainsAny(text, "\n\x00\x1b") {
			t.Errorf("the error is %q", text)
		}
		return
	case !slices.Contains(kinds, e.Kind), e.Kind == hook.Ignored && e.Reason == "", len(e.Reason) > 600:
		t.Errorf("the kind is %q, the reason %q", e.Kind, e.Reason)
	}
	for _, r := range []forge.Repo{e.Repo, e.Was} {
		if r != (forge.Repo{}) && (!plain.MatchString(r.Owner) || !plain.MatchString(r.Name) || r.Forge != "f") {
			t.Errorf("the repository is %+v", r)
		}
	}
	named, numbered := e.Repo.Name != "", e.Pull > 0
	switch e.Kind {
	case hook.Comment:
		if !named || !numbered || e.CommentID <= 0 || e.Action != "created" {
			t.Errorf("a comment: %+v", e)
		}
	case hook.Pull:
		if !named || !numbered {
			t.Errorf("a pull request: %+v", e)
		}
	case hook.Push:
		if !named || e.Ref == "" || e.Deleted {
			t.Errorf("a push: %+v", e)
		}
	case hook.MergeGroup:
		if !named || e.Commit == "" {
			t.Errorf("a merge group: %+v", e)
		}
	}
}

func fuzzPayload(f *testing.F, kind string, header string) {
	seeds(f, kind == hook.GitHub)
	f.Fuzz(func(t *testing.T, event string, body []byte) {
		h := http.Header{}
		h.Set(header, event)
		h.Set("X-Gitea-Delivery", event)
		e, err := hook.Parse(hook.Forge{ID: "f", Kind: kind}, h, body)
		readable(t, e, err)
	})
}

func FuzzPayloadOfGitHub(f *testing.F)  { fuzzPayload(f, hook.GitHub, "X-Github-Event") }
func FuzzPayloadOfGitea(f *testing.F)   { fuzzPayload(f, hook.Gitea, "X-Gitea-Event") }
func FuzzPayloadOfForgejo(f *testing.F) { fuzzPayload(f, hook.Forgejo, "X-Forgejo-Event") }

// Whatever stands in the headers, a hook gets in only with the digest of its body in the
// header that counts.
func FuzzSignature(f *testing.F) {
	body := []byte(created)
	right := sha256Of(secret, body)
	for _, header := range signatureHeaders {
		for _, value := range []string{"", "sha256=", "sha256=" + right, right, strings.ToUpper(right), "sha1=" + sha1Of(secret, body), "sha256=sha256=" + right,
			" sha256=" + right, right + "00", right[:63], "sha256=" + right[:62] + "zz", "sha256=" + sha256Of("", body)} {
			f.Add(header, value, "X-Hub-Signature", "sha1="+sha1Of(secret, body), "git")
		}
	}
	f.Add("X-Gitea-Signature", right, "X-Forgejo-Signature", "", "berg")
	l := newLab(f, func(c *hook.Config) { c.Failures = 1 << 30 })
	f.Fuzz(func(t *testing.T, name, value, name2, value2, forgeID string) {
		if forgeID != "git" && forgeID != "berg" && forgeID != "hub" && forgeID != "old" {
			return
		}
		r := request(forgeID, "issue_comment", body)
		for _, header := range signatureHeaders {
			r.Header.Del(header)
		}
		r.Header.Add(name, value)
		r.Header.Add(name2, value2)
		if r.Header.Get("Content-Type") != "application/json" || len(r.Header.Values("X-Gitea-Event")) > 1 {
			return // that is another test
		}
		status, line := l.send(t, r)
		if signed := signedAs(forgeID, r.Header); (status == http.StatusAccepted) != signed && status != http.StatusBadRequest {
			t.Errorf("%v: %s, signed: %v", r.Header, line, signed)
		}
	})
}

var signatureHeaders = []string{"X-Hub-Signature-256", "X-Hub-Signature", "X-Gitea-Signature", "X-Forgejo-Signature"}

// signedAs is the rule once more, said in another way.
func signedAs(forgeID string, h http.Header) bool {
	body := []byte(created)
	right, right1 := sha256Of(secret, body), "sha1="+sha1Of(secret, body)
	right2 := sha256Of(older, body)
	is := func(name string, values ...string) bool {
		got := h.Values(name)
		return len(got) == 1 && slices.ContainsFunc(values, func(v string) bool {
			prefix, digest, cut := strings.Cut(v, "=")
			if !cut {
				return strings.EqualFold(got[0], v)
			}
			rest, ok := strings.CutPrefix(got[0], prefix+"=")
			return ok && strings.EqualFold(rest, digest)
		})
	}
	has := func(name string) bool { return len(h.Values(name)) > 0 }
	switch {
	case forgeID == "git" && has("X-Gitea-Signature"):
		return is("X-Gitea-Signature", right, right2)
	case forgeID == "git":
		return is("X-Hub-Signature-256", "sha256="+right, "sha256="+right2)
	case forgeID == "berg" && has("X-Forgejo-Signature"):
		return is("X-Forgejo-Signature", right)
	case forgeID == "berg":
		return is("X-Gitea-Signature", right)
	case forgeID == "old" && !has("X-Hub-Signature-256"):
		return is("X-Hub-Signature", right1)
	}
	return is("X-Hub-Signature-256", "sha256="+right)
}

// Addresses are written by whoever sends, too.
func FuzzForwardedFor(f *testing.F) {
	for _, hops := range []string{"", "203.0.113.9", "203.0.113.9, 10.0.0.2", ",,,", "unknown", "::1%eth0", "[::1]:80", strings.Repeat("10.0.0.1,", 100)} {
		f.Add("10.0.0.1:80", hops)
	}
	l := newLab(f, func(c *hook.Config) { c.Failures = 1 << 30; c.TrustedProxies = trusted })
	f.Fuzz(func(t *testing.T, remote, hops string) {
		if status, line := l.send(t, forged(remote, hops)); status != http.StatusUnauthorized {
			t.Error(line)
		}
		if lines := l.lines(); strings.Count(lines, "\n") != 1 || len(lines) > 1000 {
			t.Errorf("it was logged as %q", lines)
		}
	})
}
