package nomad_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/dispatch/nomad"
)

// faulty stands between a bridge and the cluster, and does what networks and elections do.
type faulty struct {
	cluster http.Handler

	mu     sync.Mutex
	whole  context.Context // ends when what is open is cut
	cut    context.CancelFunc
	refuse int // how many more questions find no leader
}

// faultyWay opens a way to the cluster, and says how a dispatcher takes it.
func faultyWay(t *testing.T, s *site) (*faulty, func(*nomad.Config)) {
	t.Helper()
	at, err := url.Parse(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(at)
	proxy.ErrorLog = log.New(io.Discard, "", 0) // it tells of what is cut
	f := &faulty{cluster: proxy}
	f.whole, f.cut = context.WithCancel(context.Background())
	server := httptest.NewServer(f)
	t.Cleanup(func() {
		f.cutAll() // else Close waits for what is open
		server.Close()
	})
	return f, func(c *nomad.Config) { c.Client = s.clientAt(t, server.URL) }
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	whole := f.whole
	// Without a leader a server still reaches the nodes.
	refused := f.refuse > 0 && !strings.HasPrefix(r.URL.Path, "/v1/client/")
	if refused {
		f.refuse--
	}
	f.mu.Unlock()
	if refused {
		http.Error(w, "No cluster leader", http.StatusInternalServerError)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(whole, cancel)()
	f.cluster.ServeHTTP(w, r.WithContext(ctx))
}

// cutAll cuts whatever is open now.
func (f *faulty) cutAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut()
	f.whole, f.cut = context.WithCancel(context.Background())
}

// loseLeader cuts whatever is open, and has no leader for the next few questions.
func (f *faulty) loseLeader() {
	f.cutAll()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = 4
}

func (f *faulty) refuses() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.refuse
}

// mishaps happen to a chatty run after so many of its events.
func TestMishapsOnTheWayLoseNoEvents(t *testing.T) {
	t.Parallel()
	for name, mishaps := range map[string]map[int]func(*faulty){
		"streams that are cut":  {20: (*faulty).cutAll, 40: (*faulty).cutAll, 60: (*faulty).cutAll},
		"no leader for a while": {30: (*faulty).loseLeader},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, way := faultyWay(t, theCluster(t))
			s := begin(t, chatty, way)
			seqs := s.talk(100, func(n int) {
				if does := mishaps[n]; does != nil {
					does(f)
				}
			})
			unbroken(t, seqs)
			if left := f.refuses(); left > 0 {
				t.Errorf("it was not asked often enough: %d more would have been refused", left)
			}
			s.wantOf(dispatch.Complete, "", "", s.d, s.site.dispatcher(t, s.root, nil))
			if n := starts(s.site.dir, s.r.ID, 1); n != 1 {
				t.Errorf("it was started %d times", n)
			}
		})
	}
}
