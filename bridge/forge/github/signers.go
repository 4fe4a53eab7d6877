package github

import (
	"bytes"
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/golang-jwt/jwt/v4"

	"seatrial/bridge/forge/adapter"
)

// appSigner signs with an App's key.
type appSigner struct {
	app  int64
	key  func() []byte
	base string
	send *sender

	mu     sync.Mutex
	used   []byte // the key that signed last
	signed *ghinstallation.AppsTransport
	shift  time.Duration // by how much the last signature's time differs from the system's
}

// current is the signer for the key as it is now.
func (s *appSigner) current() (*ghinstallation.AppsTransport, error) {
	key := s.key()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.signed != nil && bytes.Equal(key, s.used) {
		return s.signed, nil
	}
	private, err := jwt.ParseRSAPrivateKeyFromPEM(key)
	if err != nil { // which could say something about the key
		return nil, fmt.Errorf("the private key of App %d cannot be read: it is not an RSA key in PEM; take the file as GitHub gave it", s.app)
	}
	signed, err := ghinstallation.NewAppsTransportWithOptions(s.send, s.app, ghinstallation.WithSigner(&dated{s, private}))
	if err != nil {
		return nil, fmt.Errorf("cannot sign for App %d: %w", s.app, err)
	}
	signed.BaseURL = s.base
	s.used, s.signed = bytes.Clone(key), signed
	return signed, nil
}

func (s *appSigner) id() string { return fmt.Sprintf("app %d", s.app) }

// tolerance is how much the clocks may differ without a signature being refused.
const tolerance = 20 * time.Second

// renew implements signer: a signature with a wrong time can be made again, now that the
// server's is known.
func (s *appSigner) renew() bool {
	now := s.serverShift()
	s.mu.Lock()
	defer s.mu.Unlock()
	return (now - s.shift).Abs() > tolerance
}

// serverShift is how far the server's clock is ahead of the system's.
func (s *appSigner) serverShift() time.Duration {
	return time.Until(s.send.now().Add(s.send.meter.Skew()))
}

// dated signs with an App's key, by the server's clock.
type dated struct {
	app *appSigner
	key *rsa.PrivateKey
}

func (d *dated) Sign(claims jwt.Claims) (string, error) {
	c, ok := claims.(*jwt.RegisteredClaims)
	if !ok {
		return "", fmt.Errorf("cannot sign %T", claims)
	}
	shift := d.app.serverShift().Truncate(time.Second)
	d.app.mu.Lock()
	d.app.shift = shift
	d.app.mu.Unlock()
	moved := *c
	moved.IssuedAt, moved.ExpiresAt = jwt.NewNumericDate(c.IssuedAt.Add(shift)), jwt.NewNumericDate(c.ExpiresAt.Add(shift))
	return ghinstallation.NewRSASigner(jwt.SigningMethodRS256, d.key).Sign(&moved)
}

func (s *appSigner) RoundTrip(r *http.Request) (*http.Response, error) {
	signed, err := s.current()
	if err != nil {
		return nil, err
	}
	return signed.RoundTrip(r.Clone(r.Context())) // it changes the header
}

// installSigner signs with the token of an App's installation, which it renews.
type installSigner struct {
	app          *appSigner
	installation int64

	mu    sync.Mutex
	from  *ghinstallation.AppsTransport
	token *ghinstallation.Transport
}

func (s *installSigner) id() string { return fmt.Sprintf("installation %d", s.installation) }

// renew implements signer: the next request asks for another token.
func (s *installSigner) renew() bool {
	s.mu.Lock()
	had := s.token != nil
	s.token = nil
	s.mu.Unlock()
	return had || s.app.renew()
}

func (s *installSigner) current() (*ghinstallation.Transport, error) {
	from, err := s.app.current()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == nil || s.from != from {
		s.from, s.token = from, ghinstallation.NewFromAppsTransport(from, s.installation)
	}
	return s.token, nil
}

func (s *installSigner) RoundTrip(r *http.Request) (*http.Response, error) {
	signed, err := s.current()
	if err != nil {
		return nil, err
	}
	resp, err := signed.RoundTrip(r)
	return resp, s.plain(err)
}

func (s *installSigner) bearer(ctx context.Context) (string, error) {
	signed, err := s.current()
	if err != nil {
		return "", err
	}
	if _, until, err := signed.Expiry(); err == nil && !until.After(s.app.send.now()) {
		s.renew() // by the clock that we were given, which the library does not know
		if signed, err = s.current(); err != nil {
			return "", err
		}
	}
	token, err := signed.Token(ctx)
	return token, s.plain(err)
}

// plain is an error without what the library makes of it.
func (s *installSigner) plain(err error) error {
	if refused, ok := errors.AsType[*ghinstallation.HTTPError](err); ok {
		s.renew()
		return s.refusal(refused)
	}
	return err
}

// refusal is why there is no token, in our own words: the library's contain what it was
// answered.
func (s *installSigner) refusal(e *ghinstallation.HTTPError) error {
	if e.Response == nil || e.Response.Body == nil {
		return adapter.Plain(e.RootCause)
	}
	path := fmt.Sprintf("/app/installations/%d/access_tokens", s.installation)
	body, err := io.ReadAll(e.Response.Body)
	if err != nil {
		return &adapter.BrokenError{Method: http.MethodPost, Path: path, Cause: err}
	}
	question, err := http.NewRequest(http.MethodPost, path, nil)
	if err != nil {
		return err
	}
	if err := adapter.Judge(question, e.Response, body); err != nil {
		return err
	}
	return errors.New("the forge gave the App no token")
}
