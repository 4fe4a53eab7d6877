package hook

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"seatrial/bridge/forge"
)

const (
	// readLimit is how long a body may take to arrive. Gitea gives up after 5 s.
	readLimit = 10 * time.Second
	// recordLimit is how long it may take to write down a stranger.
	recordLimit = 2 * time.Second
	// atOnce is how many events are delivered at the same time: enough that one slow
	// question does not hold up all others, and few enough not to storm a forge.
	atOnce = 4
	// knownDeliveries are remembered for knownFor, which saves the work of a replay that
	// comes at once. One that a person asks for later has its effect.
	knownDeliveries = 4096
	knownFor        = time.Minute
	// knownStrangers are written down once in strangerEvery.
	knownStrangers = 1024
	strangerEvery  = time.Hour
)

// delivery is one body under one id. The id alone is not signed: somebody else's body
// under it is another delivery.
type delivery struct {
	forge, id string
	body      [sha256.Size]byte
}

// Receiver is the http.Handler of all forges' hooks. It is safe for concurrent use.
type Receiver struct {
	config    Config
	paths     map[string]Forge
	clients   *clients
	queue     *queue
	large     *semaphore.Weighted
	numbers   *numbers
	known     *lru.Cache[delivery, time.Time]
	strangers *lru.Cache[forge.Repo, time.Time]

	mu sync.Mutex // guards looking into strangers and adding to it as one
}

// New makes a receiver, or says why hooks cannot be received: above all, a forge without
// a secret.
func New(c Config) (*Receiver, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	known, err := lru.New[delivery, time.Time](knownDeliveries)
	if err != nil {
		return nil, err
	}
	strangers, err := lru.New[forge.Repo, time.Time](knownStrangers)
	if err != nil {
		return nil, err
	}
	clients, err := newClients(c)
	if err != nil {
		return nil, err
	}
	return &Receiver{
		config: c, paths: paths(c.Forges), clients: clients, queue: newQueue(c.MaxWaiting), large: semaphore.NewWeighted(largeBodies),
		numbers: newNumbers(c.Forges), known: known, strangers: strangers,
	}, nil
}

// Owns says whether a request's address is one where hooks are received.
func (rc *Receiver) Owns(r *http.Request) bool {
	_, ok := rc.paths[r.URL.Path]
	return ok
}

// Run delivers events until the context ends. Without it they wait.
func (rc *Receiver) Run(ctx context.Context) error {
	var g errgroup.Group
	for range atOnce {
		g.Go(func() error {
			for {
				next, ok := rc.queue.take(ctx)
				if !ok {
					return nil
				}
				rc.config.Deliver(ctx, next.event)
				rc.queue.done(next)
				rc.numbers.took(next.event.Forge, rc.config.Now().Sub(next.since))
			}
		})
	}
	return g.Wait()
}

// answer is what a request is answered with, and what is logged and counted of it.
type answer struct {
	status int
	result result
	text   string // one sentence for people, who see it in the forge's list of deliveries
	event  Event
	retry  time.Duration
	quiet  bool // it was logged
}

func (rc *Receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := rc.paths[r.URL.Path]
	if !ok {
		say(w, http.StatusNotFound, "No forge's hooks are received at this address.")
		return
	}
	began := rc.config.Now()
	client := rc.clients.of(r)
	a := rc.admit(w, r, f, client.lim, began)
	if a.result.charged() {
		client.lim.charge(began)
	}
	rc.numbers.count(f.ID, a.result)
	rc.log(r, f, client.addr.String(), a)
	if a.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((a.retry+time.Second-1)/time.Second)))
	}
	if a.result == wrongMethod {
		w.Header().Set("Allow", http.MethodPost)
	}
	say(w, a.status, a.text)
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}

// log writes one line a hook. What is not signed is written by strangers, so little of
// it is repeated.
func (rc *Receiver) log(r *http.Request, f Forge, from string, a answer) {
	if a.quiet {
		return
	}
	line := []any{"forge", f.ID, "from", from, "path", r.URL.Path, "result", string(a.result)}
	if e := a.event; e.Kind != "" {
		line = append(line, "kind", string(e.Kind))
		for _, part := range []struct{ name, value string }{{"action", e.Action}, {"delivery", e.Delivery}} {
			if part.value != "" {
				line = append(line, part.name, brief(part.value))
			}
		}
		if e.Repo.Name != "" {
			line = append(line, "repo", e.Repo.String())
		}
		if e.Pull != 0 {
			line = append(line, "pr", e.Pull)
		}
	}
	level := slog.LevelWarn
	switch {
	case a.event.Notable:
	case a.result == accepted, a.result == notEnrolled:
		level = slog.LevelInfo
	case a.result == ignored, a.result == replayed:
		level = slog.LevelDebug
	}
	rc.config.Log.Log(r.Context(), level, "a hook", append(line, "why", a.text)...)
}

// brief is a stranger's word at a length that a log can bear.
func brief(s string) string {
	const most = 100
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// take decides about an event that was signed.
func (rc *Receiver) take(ctx context.Context, e Event, now time.Time) answer {
	if e.Was.Name != "" && rc.config.Enrolled(e.Was) {
		e.Notable, e.Kind, e.Reason = true, Ignored, fmt.Sprintf("%s is called %s now: change repo in its enrolment", e.Was, e.Repo)
		return answer{status: http.StatusAccepted, result: ignored, event: e, text: fmt.Sprintf("Nothing follows: %s.", e.Reason)}
	}
	a := answer{status: http.StatusAccepted, event: e}
	switch {
	case e.Repo.Name != "" && !rc.config.Enrolled(e.Repo):
		a.result, a.text = notEnrolled, fmt.Sprintf("%s is not enrolled here, so nothing follows; its name was noted for the operator.", e.Repo)
		rc.stranger(ctx, e.Repo, now)
	case e.Kind == Ping:
		a.result, a.text = accepted, "The hook works."
	case e.Kind == Ignored:
		a.result, a.text = ignored, fmt.Sprintf("Nothing follows: %s.", e.Reason)
	case !rc.queue.put(e, now):
		a.status, a.result, a.retry = http.StatusServiceUnavailable, busy, readLimit
		a.text = "Too many hooks wait, and a merge group cannot be looked for later: deliver it again in a moment."
	default:
		a.result, a.text = accepted, fmt.Sprintf("Looking at %s now.", e.Repo)
	}
	return a
}

// stranger writes down a repository that is not enrolled, once an hour.
func (rc *Receiver) stranger(ctx context.Context, repo forge.Repo, now time.Time) {
	if rc.config.Strangers == nil || !rc.isNews(repo, now) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordLimit)
	defer cancel()
	if err := rc.config.Strangers.SeeUnenrolled(ctx, repo, now); err != nil {
		rc.strangers.Remove(repo)
		rc.config.Log.Error("cannot write down that hooks of a repository come that is not enrolled", "forge", repo.Forge, "repo", repo.String(), "err", err)
	}
}

func (rc *Receiver) isNews(repo forge.Repo, now time.Time) bool {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	if at, ok := rc.strangers.Get(repo); ok && now.Sub(at) < strangerEvery {
		return false
	}
	rc.strangers.Add(repo, now)
	return true
}
