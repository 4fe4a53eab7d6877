package hook

import (
	"errors"
	"net/http"
	"net/netip"
	"time"
)

// Callers keeps account of what addresses sent that was turned away, for other handlers
// than the Receiver's. It is safe for concurrent use.
type Callers struct{ clients *clients }

// NewCallers lets so many requests of one address be turned away at once, and forgives so
// many a second. Proxies that are trusted say in X-Forwarded-For for whom they speak.
func NewCallers(proxies []netip.Prefix, burst int, perSecond float64) (*Callers, error) {
	c, err := newClients(Config{TrustedProxies: proxies, Failures: burst, FailuresRate: perSecond})
	if err != nil {
		return nil, err
	}
	return &Callers{c}, nil
}

// Spent says how long nothing should be read from a request's address; 0: it may send.
func (c *Callers) Spent(r *http.Request, now time.Time) time.Duration {
	wait, _ := c.clients.of(r).lim.spent(now)
	return wait
}

// Charge notes that a request was turned away.
func (c *Callers) Charge(r *http.Request, now time.Time) { c.clients.of(r).lim.charge(now) }

// Address is where a request comes from; invalid where that cannot be told.
func (c *Callers) Address(r *http.Request) netip.Addr { return c.clients.of(r).addr }

// CheckSignature says whether a body is signed with one of the forge's secrets. The error
// is a sentence about a signature that is there and wrong. Without secrets nothing can be
// checked, and nothing counts as signed.
func (f Forge) CheckSignature(h http.Header, body []byte) (signed bool, err error) {
	if f.Secrets == nil || len(usable(f.Secrets())) == 0 {
		return false, nil
	}
	sig, err := signatureOf(f, h)
	if _, none := errors.AsType[unsigned](err); none {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !sig.verify(body, f.Secrets()) {
		return false, badSignature("its signature does not match: the hook's secret must be the one that seatrial webhook secret prints, or it must have none")
	}
	return true, nil
}
