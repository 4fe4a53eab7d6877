package forgetest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// account is what one user, App or installation has used of its limit.
type account struct {
	spent     int // ever
	used      int // in this hour
	reset     time.Time
	writing   int // writes that are not answered yet
	lastWrite time.Time
	told      time.Time // when it was told to wait
	until     time.Time // and until when
}

// Spent counts the requests that a token's owner, or a login, has paid for with the
// primary limit. An authorised 304 costs nothing, nor does asking for the limit.
// An App's installation is asked for by one of its tokens, or by the bot's login.
func (s *Server) Spent(who string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.hub.grants[who]; g != nil {
		return s.account(caller{grant: g}.account()).spent
	}
	if u := s.tokens[who]; u != nil {
		who = u.Login
	}
	n := s.account(strings.ToLower(who)).spent
	for _, i := range s.hub.installs {
		if strings.EqualFold(i.app.bot.Login, who) {
			n += s.account(caller{grant: &grant{install: i}}.account()).spent
		}
	}
	return n
}

// SetLimit changes how many requests everybody has in an hour; 5,000 at first.
func (s *Server) SetLimit(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hub.limit = n
}

// account is the one of a name; its hour begins again when it is over.
func (s *Server) account(name string) *account {
	a := s.hub.accounts[name]
	if a == nil {
		a = &account{}
		s.hub.accounts[name] = a
	}
	if now := s.time(); !now.Before(a.reset) {
		a.used, a.reset = 0, now.Add(time.Hour)
	}
	return a
}

func (a *account) pay() {
	a.spent++
	a.used++
}

// headers tell what is left.
func (s *Server) limitHeaders(h http.Header, a *account) {
	h.Set("X-RateLimit-Limit", strconv.Itoa(s.hub.limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, s.hub.limit-a.used)))
	h.Set("X-RateLimit-Used", strconv.Itoa(a.used))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(a.reset.Unix(), 10))
	h.Set("X-RateLimit-Resource", "core")
}

func getRateLimit(c *ghCall) {
	a := c.s.account(c.by.account())
	core := object{"limit": c.s.hub.limit, "used": a.used, "remaining": max(0, c.s.hub.limit-a.used), "reset": a.reset.Unix()}
	c.answer(http.StatusOK, object{"resources": object{"core": core}, "rate": core})
}
