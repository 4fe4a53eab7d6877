// Package api is what programs call to ask for runs over HTTP: with an API token, and from the
// webhook of a single repository, whose address holds a token of its own.
//
// It decides nothing about a run: the bridge does, as it does about a comment. It lets
// nobody in without a token, reads no more of a request than it needs, and logs neither
// tokens nor a question mark and what comes after it. What stands in a webhook's body is
// a hint; the bridge asks the forge for what is true. Who sent it is believed only so far
// as the repository's token, or the forge's signature, is: it decides whether the code
// may use an operator's secrets, and nothing else.
package api

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	answers "seatrial/bridge/answer"
	"seatrial/bridge/callers"
	"seatrial/bridge/forge"
	"seatrial/bridge/hook"
	"seatrial/bridge/token"
	"seatrial/harness/run"
	"seatrial/internal/respond"
)

// The addresses.
const (
	RunPath  = "/api/v1/run"
	HookPath = "/hook"
)

const (
	// maxRequest and maxHook bound what is read of a request, in bytes.
	maxRequest = 64 << 10
	maxHook    = 1 << 20
	// readLimit is how long a body may take to arrive.
	readLimit = 10 * time.Second
	// Each token may ask so often.
	asksPerSecond, asksAtOnce = 1, 60
	knownTokens               = 4096
	// An address may be turned away so often.
	failuresPerSecond, failuresAtOnce = 1, 60
)

// Bridge starts runs.
type Bridge interface {
	Ask(ctx context.Context, a answers.Ask) (answers.Answer, error)
	Trusts(ctx context.Context, repo forge.Repo, who forge.Person) bool
	Enrolled(repo forge.Repo) bool
}

// Tokens are those that the operator gave out.
type Tokens interface {
	Find(kind token.Kind, secret string) (token.Token, bool, error)
}

// Runs knows runs.
type Runs interface {
	Report(ctx context.Context, id run.ID) (run.Report, error)
}

// Config is what a Service needs. Bridge, Tokens, Runs and Forges are; the rest may be left out.
type Config struct {
	Bridge Bridge
	Tokens Tokens
	Runs   Runs
	// Forges are all that the bridge serves, in its order. Secrets may be nil: then a
	// signature cannot be checked, and the token alone admits.
	Forges []hook.Forge

	PublicURL string // the dashboard's, without a slash at the end
	// TrustedProxies may say in X-Forwarded-For whom they speak for.
	TrustedProxies []netip.Prefix

	Now func() time.Time
	Log *slog.Logger
}

// Service is the http.Handler of these addresses. It is safe for concurrent use.
type Service struct {
	Config
	callers *callers.Callers
	rates   *lru.Cache[string, *rate.Limiter] // by the token's hash
}

// New makes a service.
func New(c Config) (*Service, error) {
	if c.Bridge == nil || c.Tokens == nil || c.Runs == nil || len(c.Forges) == 0 {
		return nil, errors.New("cannot let programs ask for runs: nobody is there to answer them")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	callers, err := callers.New(c.TrustedProxies, failuresAtOnce, failuresPerSecond)
	if err != nil {
		return nil, err
	}
	rates, err := lru.New[string, *rate.Limiter](knownTokens)
	return &Service{Config: c, callers: callers, rates: rates}, err
}

// Owns says whether a request's address is one of ours. Those of the forges' own hooks
// are not, but look like ours: ask their receiver first.
func (s *Service) Owns(r *http.Request) bool {
	path := r.URL.Path
	return path == RunPath || strings.HasPrefix(path, RunPath+"/") || path == HookPath || strings.HasPrefix(path, HookPath+"/")
}

func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	switch {
	case path == RunPath:
		s.post(w, r)
	case strings.HasPrefix(path, RunPath+"/"):
		s.result(w, r, strings.TrimPrefix(path, RunPath+"/"))
	case path == HookPath:
		s.hook(w, r, "")
	case strings.HasPrefix(path, HookPath+"/"):
		s.hook(w, r, strings.TrimPrefix(path, HookPath+"/"))
	default:
		http.NotFound(w, r)
	}
}

// admit finds out whose token it is. Where it is nobody's, or one that asked too often,
// there is a problem instead.
func (s *Service) admit(r *http.Request, kind token.Kind, secret string) (token.Token, *respond.Problem) {
	now := s.Now()
	caller := s.callers.Of(r)
	if wait, _ := caller.Spent(now); wait > 0 {
		return token.Token{}, &respond.Problem{Status: http.StatusTooManyRequests, Retry: wait, Reason: "too-many-failures",
			Detail: "Too many requests from this address were turned away.", Next: "Wait as long as Retry-After says."}
	}
	if secret == "" {
		caller.Charge(now)
		return token.Token{}, missingToken(kind)
	}
	t, ok, err := s.Tokens.Find(kind, secret)
	if err != nil {
		s.Log.Error("cannot look up a token", "err", err)
		return t, unavailable("The tokens could not be read.")
	}
	if !ok {
		caller.Charge(now)
		return t, unknownToken(kind)
	}
	return t, s.tooOften(t, now)
}

func (s *Service) tooOften(t token.Token, now time.Time) *respond.Problem {
	limiter := rate.NewLimiter(asksPerSecond, asksAtOnce)
	if known, found, _ := s.rates.PeekOrAdd(t.Hash, limiter); found {
		limiter = known
		s.rates.Get(t.Hash) // it is in use
	}
	if limiter.AllowN(now, 1) {
		return nil
	}
	return &respond.Problem{Status: http.StatusTooManyRequests, Retry: time.Second, Reason: "too-often",
		Detail: "This token asks too often: " + strconv.Itoa(asksAtOnce) + " times at once, and once a second after that, is the most.",
		Next:   "Wait as long as Retry-After says. A run under way can be looked at without a token."}
}

// forgeOf finds the forge that a repository is meant to be on: the one that is named, or
// the first where it is enrolled, or the first.
func (s *Service) forgeOf(id, repo string) (hook.Forge, forge.Repo, error) {
	named := func(h hook.Forge) bool { return h.ID == id }
	if id == "" {
		named = func(h hook.Forge) bool {
			r, err := forge.ParseRepo(h.ID, repo)
			return err == nil && s.Bridge.Enrolled(r)
		}
	}
	i := slices.IndexFunc(s.Forges, named)
	if i < 0 && id != "" {
		return hook.Forge{}, forge.Repo{}, errors.New("there is no forge " + strconv.Quote(respond.Brief(id)) + " here")
	}
	h := s.Forges[max(i, 0)]
	at, err := forge.ParseRepo(h.ID, repo)
	return h, at, err
}

// log writes one line a request that wants something.
func (s *Service) log(r *http.Request, what string, t token.Token, status int, more ...any) {
	level := slog.LevelInfo
	if status >= http.StatusBadRequest {
		level = slog.LevelWarn
	}
	line := []any{"path", r.URL.Path, "from", s.callers.Address(r).String(), "token", t.Name, "status", status}
	s.Log.Log(r.Context(), level, what, append(line, more...)...)
}
