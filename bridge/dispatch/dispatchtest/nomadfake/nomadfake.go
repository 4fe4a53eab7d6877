// Package nomadfake is a small Nomad for tests: a server on loopback that speaks so much
// of Nomad's HTTP API as a bridge needs, and really runs what is dispatched.
//
// The tasks of raw_exec jobs are processes of this machine, each allocation has its
// directory, and texts and codes are those of a real server: the tests of this package
// ask both the same. It complains of misuse, which fails the test, and it can be steered:
// nodes are lost, leaders missing, streams cut. It has no other drivers, no templates, no
// images, no identities, no locks of variables, no tasks before or beside the main ones;
// blocking queries answer at once, nothing is restarted or rescheduled because it failed,
// and nodes are chosen by constraints alone, not by resources.
package nomadfake

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/hashicorp/nomad/api"
)

// Fake is one cluster, with one node to begin with. Its methods may be called from
// several goroutines.
type Fake struct {
	dir    string // of the allocations, below their IDs
	server *httptest.Server
	closed chan struct{}
	tasks  sync.WaitGroup // of the allocations that run

	mu         sync.Mutex // held for everything below
	index      uint64
	jobs       map[id]*api.Job
	allocs     map[string]*allocation
	evals      []*api.Evaluation // in the order in which they were made
	nodes      []*node
	variables  map[id]*api.Variable
	namespaces map[string]*api.Namespace
	tokens     map[string]*token // by secret
	management string

	batches   []batch       // the newest of what was told
	published chan struct{} // closed, and made anew, at each event
	cut       chan struct{} // closed, and made anew, by CutStreams
	noLeader  bool
	full      bool

	ledger ledger
}

// id names what lies in a namespace.
type id struct{ namespace, name string }

// New starts a cluster with one ready node and the namespace "default". When the test
// ends, everything that it ran is killed; the test fails if the cluster had complaints.
func New(t testing.TB) *Fake {
	t.Helper()
	// No t.TempDir: its path has the test's name in it, and may be too long for a socket.
	dir, err := os.MkdirTemp("", "nomadfake")
	if err != nil {
		t.Fatal(err)
	}
	f := &Fake{
		dir: dir, closed: make(chan struct{}), index: 1,
		jobs: map[id]*api.Job{}, allocs: map[string]*allocation{}, variables: map[id]*api.Variable{},
		namespaces: map[string]*api.Namespace{"default": {Name: "default"}}, tokens: map[string]*token{}, management: newID(),
		published: make(chan struct{}), cut: make(chan struct{}), ledger: newLedger(),
	}
	f.AddNode("node-1", nil)
	f.server = httptest.NewServer(f.handler())
	t.Cleanup(func() {
		f.close()
		for _, complaint := range f.Complaints() {
			t.Errorf("the fake Nomad complains: %s", complaint)
		}
	})
	return f
}

func (f *Fake) close() {
	close(f.closed) // the streams end
	f.mu.Lock()
	for _, a := range f.allocs {
		a.powerOff()
	}
	f.mu.Unlock()
	f.tasks.Wait()
	f.server.CloseClientConnections()
	f.server.Close()
	_ = os.RemoveAll(f.dir)
}

// URL is where it listens.
func (f *Fake) URL() string { return f.server.URL }

// Token may do everything.
func (f *Fake) Token() string { return f.management }

// AllocDir is an allocation's directory, as long as the cluster keeps it.
func (f *Fake) AllocDir(alloc string) string { return filepath.Join(f.dir, alloc) }

// next is the index of the next change.
func (f *Fake) next() uint64 {
	f.index++
	return f.index
}
