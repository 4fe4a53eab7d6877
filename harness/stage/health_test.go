package stage

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"seatrial/recipes"
)

// The certificate is that of what stands before the app: the recipe cannot help it.
func TestACertificateThatIsNotTrustedIsNotTheAppsFault(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	fake := newApp(t)
	fake.runs = &head
	x := &exam{warned: map[string]bool{}}
	x.App, x.BaseURL, x.Events = fake, server.URL, &log{}
	x.Client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	x.Enrolment.Health = recipes.Health{Path: "/", Timeout: recipes.Duration(300 * time.Millisecond)}
	err := x.awaitHealthy(t.Context())
	if err == nil || faultIn(err) != nil || !strings.Contains(err.Error(), "certificate") {
		t.Fatalf("got %v", err)
	}
}
