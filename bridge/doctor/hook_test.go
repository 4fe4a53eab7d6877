package doctor_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"seatrial/bridge/doctor"
	"seatrial/bridge/forge"
)

func TestWebhooksBeforeAnythingIsSent(t *testing.T) {
	for name, c := range map[string]struct {
		hooks doctor.Hooks
		state forge.AbilityState
		says  string
	}{
		"no secret":          {doctor.Hooks{Secret: fmt.Errorf("cannot read it: %w", fs.ErrNotExist)}, forge.AbilityWeak, "There is no secret for them"},
		"one that is not us": {doctor.Hooks{Secret: errors.New("cannot read it: permission denied")}, forge.AbilityUnknown, "Cannot read it: permission denied."},
		"no address":         {doctor.Hooks{}, forge.AbilityUnknown, "There is a secret for them."},
	} {
		c.hooks.Forge = "gitea"
		got := c.hooks.Look(t.Context(), nil) // which could send nothing
		if got.State != c.state || !strings.HasPrefix(got.Why, c.says) || got.Next == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestTheServerIsKnockedAt(t *testing.T) {
	status, asked := 0, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.Method != http.MethodPost || r.URL.Path != "/ci/hook/hub" {
			t.Errorf("%s %s was asked", r.Method, r.URL.Path)
		}
		for name := range r.Header {
			if strings.Contains(name, "Signature") || name == "Authorization" {
				t.Errorf("it sends %s", name)
			}
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	}))
	defer server.Close()
	h := doctor.Hooks{Forge: "hub", PublicURL: server.URL + "/ci/"}
	for answer, want := range map[int]forge.AbilityState{
		401: forge.AbilityThere, 404: forge.AbilityWeak, 429: forge.AbilityUnknown, 302: forge.AbilityWeak, 202: forge.AbilityWeak, 502: forge.AbilityWeak,
	} {
		status, asked = answer, 0
		got := h.Look(t.Context(), http.DefaultClient)
		if got.State != want || asked != 1 || (got.Next == "") != (want == forge.AbilityThere) || !strings.Contains(got.Why, server.URL+"/ci/hook/hub ") {
			t.Errorf("%d, asked %d times: %+v, want %s", answer, asked, got, want)
		}
	}
	server.Close()
	if got := h.Look(t.Context(), http.DefaultClient); got.State != forge.AbilityUnknown || got.Next == "" || !strings.HasPrefix(got.Why, "Cannot reach "+server.URL) {
		t.Errorf("no server: %+v", got)
	}
}
