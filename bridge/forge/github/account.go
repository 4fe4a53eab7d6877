package github

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"github.com/gofri/go-github-ratelimit/v2/github_ratelimit/github_secondary_ratelimit"

	"seatrial/bridge/forge/adapter"
)

// account is somebody in whose name requests are sent: a token's owner, an App, or an
// App's installation. Each has limits of its own.
type account struct {
	name   string // for people
	signer signer
	send   http.RoundTripper // signs, and waits where the server asks for a short wait
	gate   gate
	pace   *pace
}

// signer sends requests with an account's credentials.
type signer interface {
	http.RoundTripper
	// id tells apart whose answers are whose.
	id() string
	// renew forgets a token that was not accepted; false if there would be no other.
	renew() bool
}

func newAccount(name string, s signer, c Config) *account {
	return &account{
		name: name, signer: s, pace: newPace(c.WritePause),
		send: github_secondary_ratelimit.New(s, github_secondary_ratelimit.WithSingleSleepLimit(adapter.Patience, nil)),
	}
}

// tokenSigner signs with a token that somebody made.
type tokenSigner struct {
	token func() string
	send  http.RoundTripper
}

func (t *tokenSigner) id() string {
	sum := sha256.Sum256([]byte(t.token()))
	return hex.EncodeToString(sum[:8])
}

func (t *tokenSigner) renew() bool { return false }

func (t *tokenSigner) bearer(context.Context) (string, error) { return t.token(), nil }

func (t *tokenSigner) RoundTrip(r *http.Request) (*http.Response, error) {
	req := r.Clone(r.Context())
	if token := t.token(); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return t.send.RoundTrip(req)
}
