package forgetest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"seatrial/bridge/forge"
)

// hookLimit is how long a forge waits for whom it calls.
const hookLimit = 5 * time.Second

// mostDeliveries bounds the list of them.
const mostDeliveries = 10000

// Delivery is a webhook that was sent, or could not be.
type Delivery struct {
	GUID    string
	Event   string // as the header has it, such as issue_comment
	Action  string // such as created; empty where there is none
	URL     string
	Payload []byte
	Status  int // of the answer; 0 without one
	Answer  string
	Err     error
	Took    time.Duration
}

// hook is an address that wants to know.
type hook struct {
	id      int64
	url     string
	secret  string
	repo    *repo
	waiting []*post
	busy    bool // somebody delivers what waits
}

// post is a webhook on its way.
type post struct {
	hook    *hook
	header  http.Header
	payload []byte
	kind    hookKind
}

// hookKind is what a webhook is about. Gitea tells more kinds of events apart than the
// name in the header, which is GitHub's.
type hookKind struct {
	event, subscription, action string
}

// AddHook makes the forge tell an address what happens in a repository: comments, pushes,
// pull requests and merge groups, signed with the secret if there is one. Nothing is sent
// twice but by Redeliver; an address has five seconds. A GitHub sends a ping at once.
func (s *Server) AddHook(at forge.Repo, url, secret string) error {
	defer s.settle()
	return s.inRepo(at, func(r *repo) error {
		h := &hook{id: s.nextID(), url: url, secret: secret, repo: r}
		r.hooks = append(r.hooks, h)
		if s.kind == GitHub {
			s.send(h, hookKind{event: "ping"}, s.ghPing(h))
		}
		return nil
	})
}

// SyncHooks makes the methods of World return only when all webhooks of what they did were
// answered, which they do not wait for at first.
func (s *Server) SyncHooks(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.syncHooks = on
}

// WaitHooks waits until all webhooks were answered, or given up.
func (s *Server) WaitHooks() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.posting > 0 {
		s.posted.Wait()
	}
}

func (s *Server) settle() {
	s.mu.Lock()
	sync := s.syncHooks
	s.mu.Unlock()
	if sync {
		s.WaitHooks()
	}
}

// Deliveries lists the webhooks that were sent, in the order of their answers.
func (s *Server) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.deliveries)
}

// Redeliver sends a webhook again, as the button on a forge's page does: GitHub with the
// same delivery id, Gitea with another.
func (s *Server) Redeliver(guid string) bool {
	defer s.settle()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range slices.Backward(s.sent) {
		if p.header.Get("X-GitHub-Delivery") != guid {
			continue
		}
		again := *p
		if again.header = p.header.Clone(); s.kind != GitHub {
			setDelivery(again.header, uuid.NewString())
		}
		s.queue(&again)
		return true
	}
	return false
}

// announce tells all hooks of a repository. The payload is made only if there are any.
func (s *Server) announce(r *repo, kind hookKind, payload func() object) {
	if len(r.hooks) == 0 {
		return
	}
	said := payload()
	for _, h := range r.hooks {
		s.send(h, kind, said)
	}
}

func (s *Server) send(h *hook, kind hookKind, payload object) {
	body, err := json.Marshal(payload)
	if err != nil {
		s.log.Error("a webhook could not be written", "err", err)
		return
	}
	s.queue(&post{hook: h, kind: kind, payload: body, header: s.hookHeader(h, kind, body)})
}

// queue hands a post to the one who delivers for its hook, one after the other.
func (s *Server) queue(p *post) {
	s.posting++
	if s.sent = append(s.sent, p); len(s.sent) > mostDeliveries {
		s.sent = slices.Delete(s.sent, 0, mostDeliveries/2)
	}
	p.hook.waiting = append(p.hook.waiting, p)
	if !p.hook.busy {
		p.hook.busy = true
		s.posters.Go(func() { s.deliverAll(p.hook) })
	}
}

func (s *Server) deliverAll(h *hook) {
	for {
		s.mu.Lock()
		if len(h.waiting) == 0 {
			h.busy = false
			s.mu.Unlock()
			return
		}
		p := h.waiting[0]
		h.waiting = h.waiting[1:]
		s.mu.Unlock()

		d := s.deliver(p)

		s.mu.Lock()
		if s.deliveries = append(s.deliveries, d); len(s.deliveries) > mostDeliveries {
			s.deliveries = slices.Delete(s.deliveries, 0, mostDeliveries/2)
		}
		s.posting--
		s.posted.Broadcast()
		s.mu.Unlock()
	}
}

func (s *Server) deliver(p *post) Delivery {
	d := Delivery{GUID: p.header.Get("X-GitHub-Delivery"), Event: p.kind.event, Action: p.kind.action, URL: p.hook.url, Payload: p.payload}
	begin := time.Now()
	defer func() { d.Took = time.Since(begin) }()
	ctx, cancel := context.WithTimeout(s.hooksCtx, hookLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.hook.url, bytes.NewReader(p.payload))
	if err != nil {
		d.Err = err
		return d
	}
	req.Header = p.header.Clone()
	resp, err := s.caller.Do(req)
	if err != nil {
		d.Err = err
		return d
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	d.Status, d.Answer, d.Err = resp.StatusCode, strings.TrimSpace(string(text)), err
	return d
}

// newCaller is the client that delivers webhooks. No forge follows where an address sends it.
func newCaller() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 32, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
