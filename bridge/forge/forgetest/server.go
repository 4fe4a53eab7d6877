package forgetest

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"seatrial/bridge/forge"
)

// Options are for New. The zero value is a server on a free loopback port.
type Options struct {
	Dir  string // where the git repositories lie; default: a temporary folder, removed by Close
	Addr string // default: 127.0.0.1:0
	// NoListener leaves out the socket: only Transport leads to the server, and webhooks,
	// which need the network too, should have no address there.
	NoListener bool
	Now        func() time.Time
	Log        *slog.Logger
	// Kind is the protocol to speak; default: Gitea's.
	Kind ForgeKind
	// Hurry lets writes come less than a second apart without a complaint, where GitHub's
	// protocol is spoken: a contract's clauses cannot wait so long.
	Hurry bool
	// Word is what the page's buttons offer to say.
	Word string
}

// Server is a small forge in memory, a Gitea or a GitHub. Its methods may be called from many goroutines.
type Server struct {
	kind  ForgeKind
	hurry bool
	now   func() time.Time
	log   *slog.Logger
	word  string
	dir   string
	owned bool // dir is ours to remove

	listener net.Listener
	http     *http.Server
	done     chan struct{}

	mu       sync.Mutex
	lastID   int64 // of comments and timeline entries
	lastRepo int64
	renamed  map[string]*user // by the lower-case login that they had
	users    map[string]*user // by lower-case login; organisations too
	orgs     map[string]*org
	tokens   map[string]*user
	repos    map[string]*repo // by lower-case owner/name
	numbered map[int64]*repo
	forks    map[string][]*issue // pull requests by the lower-case owner/name that they come from
	lagging  bool
	indexed  time.Time // what changed later the search does not know yet; zero: it knows everything
	offset   time.Duration
	pasts    map[string]past // by the folder of the git repository
	hub      hub

	syncHooks  bool
	posting    int        // webhooks that are not answered yet
	posted     *sync.Cond // one was
	posters    sync.WaitGroup
	sent       []*post
	deliveries []Delivery
	caller     *http.Client
	hooksCtx   context.Context // ended by Close
	endHooks   context.CancelFunc

	complaints []string
	asked      []Request
	failures   []*Failure
}

var _ World = (*Server)(nil)

// New starts a server.
func New(o Options) (*Server, error) {
	s := &Server{
		kind: o.Kind, hurry: o.Hurry,
		now: o.Now, log: o.Log, word: o.Word, dir: o.Dir, done: make(chan struct{}),
		users: map[string]*user{}, renamed: map[string]*user{}, orgs: map[string]*org{}, tokens: map[string]*user{}, repos: map[string]*repo{}, numbered: map[int64]*repo{}, forks: map[string][]*issue{},
		pasts: map[string]past{}, hub: newHub(),
	}
	s.posted, s.caller = sync.NewCond(&s.mu), newCaller()
	s.hooksCtx, s.endHooks = context.WithCancel(context.Background())
	if s.now == nil {
		s.now = time.Now
	}
	s.log = cmp.Or(s.log, slog.New(slog.DiscardHandler))
	s.word = cmp.Or(s.word, "!testme")
	o.Addr = cmp.Or(o.Addr, "127.0.0.1:0")
	var err error
	if s.dir == "" {
		s.owned = true
		if s.dir, err = os.MkdirTemp("", "forge-"); err != nil {
			return nil, fmt.Errorf("cannot start the forge: %w", err)
		}
	}
	s.http = &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	if o.NoListener {
		close(s.done)
		return s, nil
	}
	if s.listener, err = net.Listen("tcp", o.Addr); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot start the forge: %w", err), s.clear())
	}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("the forge stopped", "err", err)
		}
	}()
	return s, nil
}

// clear removes what the server made.
func (s *Server) clear() error {
	if !s.owned {
		return nil
	}
	return os.RemoveAll(s.dir)
}

// NewServer starts a server for a test, which fails if somebody misused it.
func NewServer(t testing.TB) *Server {
	t.Helper()
	return NewServerOf(t, Options{})
}

// NewServerOf is NewServer with options.
func NewServerOf(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for _, complaint := range s.Complaints() {
			t.Errorf("the forge complains: %s", complaint)
		}
	})
	return s
}

// Close stops the server and removes what it made.
func (s *Server) Close() error {
	s.Mend()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	<-s.done
	s.endHooks()
	s.posters.Wait()
	s.caller.CloseIdleConnections()
	return errors.Join(err, s.clear())
}

func (s *Server) URL() string {
	if s.listener == nil {
		return nowhere
	}
	return "http://" + s.listener.Addr().String()
}

// time is the server's clock, in whole seconds.
func (s *Server) time() time.Time { return s.now().Add(s.offset).UTC().Truncate(time.Second) }

// SetClock puts the server's clock ahead (or, if negative, back).
func (s *Server) SetClock(ahead time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset = ahead
}

func (s *Server) nextID() int64 {
	s.lastID++
	return s.lastID
}

func (s *Server) repo(owner, name string) (*repo, error) {
	r := s.repos[strings.ToLower(owner+"/"+strings.TrimSuffix(name, ".git"))]
	if r == nil || r.deleted {
		return nil, fmt.Errorf("there is no repository %s/%s", owner, name)
	}
	return r, nil
}

// inRepo does something to a repository, inside the server's lock.
func (s *Server) inRepo(at forge.Repo, do func(r *repo) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.repo(at.Owner, at.Name)
	if err != nil {
		return err
	}
	return do(r)
}

// inIssue does something to an issue or a pull request, inside the server's lock.
func (s *Server) inIssue(at forge.Repo, n int, do func(i *issue) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.issue(at.Owner, at.Name, n)
	if err != nil {
		return err
	}
	return do(i)
}

// inPull is inIssue for pull requests alone.
func (s *Server) inPull(at forge.Repo, n int, do func(i *issue) error) error {
	return s.inIssue(at, n, func(i *issue) error {
		if _, err := s.pull(at, n); err != nil {
			return err
		}
		return do(i)
	})
}

// keep makes a repository known.
func (s *Server) keep(r *repo) {
	s.repos[strings.ToLower(r.owner+"/"+r.name)] = r
	s.numbered[r.id] = r
}

func (s *Server) user(login string) (*user, error) {
	u := s.users[strings.ToLower(login)]
	if u == nil {
		return nil, fmt.Errorf("there is no user %s", login)
	}
	return u, nil
}

func (s *Server) issue(owner, name string, number int) (*issue, error) {
	r, err := s.repo(owner, name)
	if err != nil {
		return nil, err
	}
	if number < 1 || number > len(r.issues) {
		return nil, fmt.Errorf("there is no pull request %s/%s#%d", owner, name, number)
	}
	return r.issues[number-1], nil
}

func (r *repo) comment(id int64) *comment {
	for _, i := range r.issues {
		if c := i.comment(id); c != nil {
			return c
		}
	}
	return nil
}

// member says what somebody may do in an organisation; "" is nothing.
func (s *Server) member(orgName, login string) Access {
	o := s.orgs[strings.ToLower(orgName)]
	if o == nil {
		return ""
	}
	return o.members[strings.ToLower(login)]
}

// mayRead says whether somebody may see a repository: everybody, unless it is private.
func (s *Server) mayRead(r *repo, u *user) bool {
	return !r.private || u != nil && (strings.EqualFold(r.owner, u.Login) || s.member(r.owner, u.Login) != "")
}

// mayWrite says whether somebody may write to a repository.
func (s *Server) mayWrite(r *repo, u *user) bool {
	return u != nil && (strings.EqualFold(r.owner, u.Login) || s.member(r.owner, u.Login) == Write)
}

func (s *Server) repoDir(id int64) string { return filepath.Join(s.dir, fmt.Sprintf("%d.git", id)) }

// complain records a misuse.
func (s *Server) complain(format string, args ...any) {
	s.complaints = append(s.complaints, fmt.Sprintf(format, args...))
}

// Complaints lists the misuses so far. NewServer reports them as errors at the end.
func (s *Server) Complaints() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.complaints)
}

// Forgive forgets the complaints, in a test that misuses the server on purpose.
func (s *Server) Forgive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.complaints = nil
}

func newToken() string {
	var b [20]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
