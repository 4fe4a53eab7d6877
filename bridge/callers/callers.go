// Package callers keeps account of the addresses that requests come from, so that who sends
// what is turned away is not read for a while.
//
// Only what its user charges counts: whoever sends what is right is never limited. It holds
// the accounts in memory, a bounded number of them, and refuses nothing by itself.
package callers

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"seatrial/internal/httpserver"
)

// knownCallers bounds how many addresses are kept account of; the one that was quiet
// for longest is forgotten.
const knownCallers = 4096

// Callers are all of them. It is safe for concurrent use.
type Callers struct {
	trusted   []netip.Prefix
	burst     int
	perSecond rate.Limit
	known     *lru.Cache[netip.Prefix, *account]
}

// Caller is who sent a request.
type Caller struct {
	Addr netip.Addr // invalid where that cannot be told: such callers have one account
	*account
}

// account is how many requests may still be turned away before none is read.
type account struct {
	limiter *rate.Limiter
	said    atomic.Bool
}

// New lets so many requests of one address be turned away at once, and forgives so many a
// second. Proxies that are trusted say in X-Forwarded-For for whom they speak.
func New(proxies []netip.Prefix, burst int, perSecond float64) (*Callers, error) {
	known, err := lru.New[netip.Prefix, *account](knownCallers)
	return &Callers{trusted: proxies, burst: burst, perSecond: rate.Limit(perSecond), known: known}, err
}

// Of finds the account of a request's sender.
func (c *Callers) Of(r *http.Request) Caller {
	addr := c.Address(r)
	network := httpserver.NetworkOf(addr)
	a := &account{limiter: rate.NewLimiter(c.perSecond, c.burst)}
	if known, found, _ := c.known.PeekOrAdd(network, a); found {
		a = known
		c.known.Get(network) // it is in use
	}
	return Caller{addr, a}
}

// Address is where a request comes from. Proxies that are trusted say for whom they speak,
// each at the end of the list; what stands before is anybody's.
func (c *Callers) Address(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := parse(host)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !c.trusts(addr) {
			break
		}
		before := parse(strings.TrimSpace(hop))
		if !before.IsValid() {
			break
		}
		addr = before
	}
	return addr
}

// parse reads an address; 4 in 6 is 4, and a zone does not matter.
func parse(s string) netip.Addr {
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

func (c *Callers) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(c.trusted, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// Spent says how long nothing should be read from this address; 0: it may send. said: that
// was told before, and need not be logged again.
func (a *account) Spent(now time.Time) (wait time.Duration, said bool) {
	left := a.limiter.TokensAt(now)
	if left >= float64(a.limiter.Burst())/2 {
		a.said.Store(false) // what comes now is another story
	}
	if left >= 1 {
		return 0, false
	}
	return max(time.Second, time.Duration((1-left)/float64(a.limiter.Limit())*float64(time.Second))), a.said.Swap(true)
}

// Charge notes that a request was turned away.
func (a *account) Charge(now time.Time) { a.limiter.AllowN(now, 1) }
