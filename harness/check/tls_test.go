package check_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"seatrial/harness/check"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// The certificate is that of what stands before the app: the recipe cannot help it.
func TestACertificateThatIsNotTrustedIsNotTheAppsFault(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	stranger := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	runner := check.Runner{BaseURL: server.URL, Client: stranger}
	err := runner.Run(t.Context(), recipes.Step{Request: request("/page")}, nil)
	if fault := (*run.Fault)(nil); err == nil || errors.As(err, &fault) {
		t.Fatalf("got %v", err)
	}
}
