package httpserver

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	// mostConnections is more than people and forges ever hold, and few enough to look through.
	mostConnections = 4096
	// filesPerConnection: a connection may be led on to an app by another one, and the
	// rest of the program needs files too.
	filesPerConnection = 3
)

// connections are those that a server has open.
type connections struct {
	max, maxPerAddress int
	trusted            []netip.Prefix
	log                *slog.Logger

	mu     sync.Mutex
	open   map[net.Conn]*connection
	ending bool          // no more are let in
	uses   uint64        // counts what began or ended on any connection: the order of use
	under  int           // answers under way
	none   chan struct{} // closed when none is under way; nil: nobody waits for that
}

// connection is one of them. A handler that takes it over has it until it returns.
type connection struct {
	net.Conn
	from     netip.Prefix // invalid: not bounded by address
	used     uint64
	answers  int // under way; HTTP/2 has several
	begun    bool
	hijacked bool
}

func newConnections(c Config) *connections {
	cs := &connections{max: c.MaxConnections, maxPerAddress: c.MaxPerAddress, trusted: c.TrustedProxies, log: c.Log, open: map[net.Conn]*connection{}}
	if cs.max == 0 {
		cs.max = defaultMax()
	}
	if cs.maxPerAddress == 0 {
		cs.maxPerAddress = max(1, cs.max/4)
	}
	return cs
}

func defaultMax() int {
	var files unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &files) != nil {
		return mostConnections / filesPerConnection
	}
	return max(1, int(min(files.Cur/filesPerConnection, mostConnections)))
}

type connectionKey struct{}

// begin takes note of a connection that was accepted, for http.Server.ConnContext. Where
// there is no room, another one goes, or this one does.
func (cs *connections) begin(ctx context.Context, raw net.Conn) context.Context {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.uses++
	c := &connection{Conn: raw, from: cs.network(raw.RemoteAddr()), used: cs.uses}
	ctx = context.WithValue(ctx, connectionKey{}, c)
	if cs.ending {
		c.cut()
		return ctx
	}
	same, oldest, oldestSame := 0, (*connection)(nil), (*connection)(nil)
	for _, o := range cs.open {
		isSame := c.from.IsValid() && o.from == c.from
		if isSame {
			same++
		}
		if o.answers > 0 {
			continue
		}
		if oldest == nil || o.used < oldest.used {
			oldest = o
		}
		if isSame && (oldestSame == nil || o.used < oldestSame.used) {
			oldestSame = o
		}
	}
	goes := oldest
	switch {
	case same >= cs.maxPerAddress:
		goes = oldestSame
	case len(cs.open) < cs.max:
		cs.open[raw] = c
		return ctx
	}
	cs.log.Debug("closed a connection for want of room", "open", len(cs.open), "of the address", same, "refused", goes == nil)
	if goes == nil {
		c.cut()
		return ctx
	}
	goes.cut()
	delete(cs.open, goes.Conn)
	cs.open[raw] = c
	return ctx
}

// network is whose connections are counted together; invalid for nobody's.
func (cs *connections) network(a net.Addr) netip.Prefix {
	at, err := netip.ParseAddrPort(a.String())
	addr := at.Addr().Unmap().WithZone("")
	if err != nil || slices.ContainsFunc(cs.trusted, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return netip.Prefix{}
	}
	return NetworkOf(addr)
}

// NetworkOf is what counts as one client. What one household or hoster has of IPv6 is one;
// of an invalid address it is invalid.
func NetworkOf(addr netip.Addr) netip.Prefix {
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	network, _ := addr.Prefix(bits) // a valid one has so many
	return network
}

// changed follows http.Server.ConnState.
func (cs *connections) changed(raw net.Conn, state http.ConnState) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c := cs.open[raw]
	switch {
	case c == nil: // it had to go
	case state == http.StateActive:
		c.begun = true
	case state == http.StateHijacked:
		c.hijacked = true
	case state == http.StateClosed:
		delete(cs.open, raw)
	}
}

// counted counts the answers that a handler has under way.
func (cs *connections) counted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Context().Value(connectionKey{}).(*connection)
		cs.count(c, 1)
		defer cs.count(c, -1)
		h.ServeHTTP(w, r)
	})
}

func (cs *connections) count(c *connection, n int) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.uses++
	c.used = cs.uses
	c.answers += n
	cs.under += n
	if c.hijacked && c.answers == 0 {
		delete(cs.open, c.Conn)
	}
	if cs.under == 0 && cs.none != nil {
		close(cs.none)
		cs.none = nil
	}
}

// wait waits until no answer is under way.
func (cs *connections) wait(ctx context.Context) error {
	for {
		cs.mu.Lock()
		if cs.under == 0 {
			cs.mu.Unlock()
			return nil
		}
		if cs.none == nil {
			cs.none = make(chan struct{})
		}
		none := cs.none
		cs.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-none:
		}
	}
}

func (cs *connections) answering() int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.under
}

// end lets no more in and closes those on which nothing ever came: Shutdown would wait for
// them.
func (cs *connections) end() {
	cs.mu.Lock()
	cs.ending = true
	cs.mu.Unlock()
	cs.close(func(c *connection) bool { return !c.begun })
}

func (cs *connections) closeAll() { cs.close(func(*connection) bool { return true }) }

func (cs *connections) close(which func(*connection) bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, c := range cs.open {
		if which(c) {
			c.cut()
		}
	}
}

// cut closes a connection without a word: TLS's last one could have to wait for its reader.
func (c *connection) cut() {
	raw := c.Conn
	if over, ok := raw.(*tls.Conn); ok {
		raw = over.NetConn()
	}
	raw.Close()
}
