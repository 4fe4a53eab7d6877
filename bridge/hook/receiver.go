package hook

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"seatrial/bridge/callers"
	"seatrial/bridge/forge"
	"seatrial/internal/respond"
)

const (
	// readLimit is how long a body may take to arrive. Gitea gives up after 5 s.
	readLimit = 10 * time.Second
	// recordLimit is how long it may take to write down a repository that is not enrolled.
	recordLimit = 2 * time.Second
	// atOnce is how many events of one forge are delivered at the same time: enough that one
	// slow question does not hold up all others, and few enough not to storm a forge.
	atOnce = 4
	// knownDeliveries are remembered for knownFor, which saves the work of a replay that
	// comes at once. One that a person asks for later has its effect.
	knownDeliveries = 4096
	knownFor        = time.Minute
	// knownUnenrolled are written down once in unenrolledEvery.
	knownUnenrolled = 1024
	unenrolledEvery = time.Hour
)

// delivery is one body under one id. The id alone is not signed: somebody else's body
// under it is another delivery.
type delivery struct {
	forge, id string
	body      [sha256.Size]byte
}

// Receiver is the http.Handler of all forges' hooks. It is safe for concurrent use.
type Receiver struct {
	config     Config
	paths      map[string]Forge
	callers    *callers.Callers
	queue      *queue
	large      *semaphore.Weighted
	metrics    *metrics
	known      *lru.Cache[delivery, time.Time]
	unenrolled *lru.Cache[forge.Repo, time.Time]

	mu sync.Mutex // guards looking into unenrolled and adding to it as one
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
	unenrolled, err := lru.New[forge.Repo, time.Time](knownUnenrolled)
	if err != nil {
		return nil, err
	}
	callers, err := callers.New(c.TrustedProxies, c.Failures, c.FailuresRate)
	if err != nil {
		return nil, err
	}
	return &Receiver{
		config: c, paths: paths(c.Forges), callers: callers, queue: newQueue(c.MaxWaiting), large: semaphore.NewWeighted(largeBodies),
		metrics: newMetrics(c.Forges), known: known, unenrolled: unenrolled,
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
	for range atOnce * len(rc.config.Forges) {
		g.Go(func() error {
			for {
				next, ok := rc.queue.take(ctx)
				if !ok {
					return nil
				}
				rc.config.Deliver(ctx, next.event)
				rc.queue.done(next)
				rc.metrics.took(next.event.Forge, rc.config.Now().Sub(next.since))
			}
		})
	}
	return g.Wait()
}

// outcome is what a request is answered with, and what is logged and counted of it.
type outcome struct {
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
		respond.Text(w, http.StatusNotFound, "No forge's hooks are received at this address.\n")
		return
	}
	began := rc.config.Now()
	caller := rc.callers.Of(r)
	a := rc.admit(w, r, f, caller, began)
	if a.result.charged() {
		caller.Charge(began)
	}
	rc.metrics.count(f.ID, a.result)
	rc.log(r, f, caller.Addr.String(), a)
	if a.retry > 0 {
		respond.RetryAfter(w.Header(), a.retry)
	}
	if a.result == resultWrongMethod {
		w.Header().Set("Allow", http.MethodPost)
	}
	respond.Text(w, a.status, a.text+"\n")
}

// log writes one line a hook. What is not signed is written by strangers, so little of
// it is repeated.
func (rc *Receiver) log(r *http.Request, f Forge, from string, a outcome) {
	if a.quiet {
		return
	}
	line := []any{"forge", f.ID, "from", from, "path", r.URL.Path, "result", string(a.result)}
	if e := a.event; e.Kind != "" {
		line = append(line, "kind", string(e.Kind))
		for _, part := range []struct{ name, value string }{{"action", e.Action}, {"delivery", e.Delivery}} {
			if part.value != "" {
				line = append(line, part.name, respond.Brief(part.value))
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
	case a.result == resultAccepted, a.result == resultNotEnrolled:
		level = slog.LevelInfo
	case a.result == resultIgnored, a.result == resultReplayed:
		level = slog.LevelDebug
	}
	rc.config.Log.Log(r.Context(), level, "a hook", append(line, "why", a.text)...)
}

// take decides about an event that was signed.
func (rc *Receiver) take(ctx context.Context, e Event, now time.Time) outcome {
	if e.Was.Name != "" && rc.config.Enrolled(e.Was) {
		e.Notable, e.Kind, e.Reason = true, Ignored, fmt.Sprintf("%s is called %s now: change repo in its enrolment", e.Was, e.Repo)
		return outcome{status: http.StatusAccepted, result: resultIgnored, event: e, text: fmt.Sprintf("Nothing follows: %s.", e.Reason)}
	}
	a := outcome{status: http.StatusAccepted, event: e}
	switch {
	case e.Repo.Name != "" && !rc.config.Enrolled(e.Repo):
		a.result, a.text = resultNotEnrolled, fmt.Sprintf("%s is not enrolled here, so nothing follows; its name was noted for the operator.", e.Repo)
		rc.noteUnenrolled(ctx, e.Repo, now)
	case e.Kind == Ping:
		a.result, a.text = resultAccepted, "The hook works."
	case e.Kind == Ignored:
		a.result, a.text = resultIgnored, fmt.Sprintf("Nothing follows: %s.", e.Reason)
	case !rc.queue.put(e, now):
		a.status, a.result, a.retry = http.StatusServiceUnavailable, resultBusy, readLimit
		a.text = "Too many hooks wait, and a merge group cannot be looked for later: deliver it again in a moment."
	default:
		a.result, a.text = resultAccepted, fmt.Sprintf("Looking at %s now.", e.Repo)
	}
	return a
}

// noteUnenrolled writes down a repository that is not enrolled, once an hour.
func (rc *Receiver) noteUnenrolled(ctx context.Context, repo forge.Repo, now time.Time) {
	if rc.config.Unenrolled == nil || !rc.isNews(repo, now) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordLimit)
	defer cancel()
	if err := rc.config.Unenrolled(ctx, repo, now); err != nil {
		rc.unenrolled.Remove(repo)
		rc.config.Log.Error("cannot record the hooks of a repository that is not enrolled", "forge", repo.Forge, "repo", repo.String(), "err", err)
	}
}

func (rc *Receiver) isNews(repo forge.Repo, now time.Time) bool {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	if at, ok := rc.unenrolled.Get(repo); ok && now.Sub(at) < unenrolledEvery {
		return false
	}
	rc.unenrolled.Add(repo, now)
	return true
}
