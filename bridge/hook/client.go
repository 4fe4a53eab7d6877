package hook

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
)

// knownClients bounds how many addresses are kept account of; the one that was quiet
// for longest is forgotten.
const knownClients = 4096

// clients keeps account of what each address sent that was turned away.
type clients struct {
	trusted []netip.Prefix
	burst   int
	rate    rate.Limit
	known   *lru.Cache[netip.Prefix, *limiter]
}

// client is who sent a request.
type client struct {
	addr netip.Addr
	lim  *limiter
}

func newClients(c Config) (*clients, error) {
	known, err := lru.New[netip.Prefix, *limiter](knownClients)
	return &clients{trusted: c.TrustedProxies, burst: c.Failures, rate: rate.Limit(c.FailuresRate), known: known}, err
}

// of finds the account of a request's sender. What one household or hoster has of IPv6
// is one sender.
func (c *clients) of(r *http.Request) client {
	addr := c.addr(r)
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	network, _ := addr.Prefix(bits) // of an address that cannot be told: one account for all
	fresh := &limiter{of: rate.NewLimiter(c.rate, c.burst)}
	if old, found, _ := c.known.PeekOrAdd(network, fresh); found {
		fresh = old
		c.known.Get(network) // it is in use
	}
	return client{addr, fresh}
}

// addr is where a request comes from. Proxies that are trusted say for whom they speak,
// each at the end of the list; what stands before is anybody's.
func (c *clients) addr(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := plain(host)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !c.trusts(addr) {
			break
		}
		before := plain(strings.TrimSpace(hop))
		if !before.IsValid() {
			break
		}
		addr = before
	}
	return addr
}

// plain reads an address; 4 in 6 is 4, and a zone does not matter.
func plain(s string) netip.Addr {
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

func (c *clients) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(c.trusted, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// limiter is an account: how many hooks may still be turned away before none is read.
type limiter struct {
	of   *rate.Limiter
	told atomic.Bool
}

// spent says how long nothing is read from this address; 0: it may send. told: that was
// said before.
func (l *limiter) spent(now time.Time) (wait time.Duration, told bool) {
	left := l.of.TokensAt(now)
	if left >= float64(l.of.Burst())/2 {
		l.told.Store(false) // what comes now is another story
	}
	if left >= 1 {
		return 0, false
	}
	return max(time.Second, time.Duration((1-left)/float64(l.of.Limit())*float64(time.Second))), l.told.Swap(true)
}

func (l *limiter) charge(now time.Time) { l.of.AllowN(now, 1) }
