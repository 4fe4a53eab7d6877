package nomad

import "sync"

// news wakes those who wait for something to change on the cluster.
type news struct {
	mu      sync.Mutex
	changed map[string]chan struct{} // by job ID
	heard   bool                     // somebody listens to the cluster
}

func newNews() *news { return &news{changed: map[string]chan struct{}{}} }

// of returns a channel that is closed at the next news of a job, and whether anybody
// listens for some. It is taken before the cluster is asked, so that nothing is missed.
func (n *news) of(job string) (<-chan struct{}, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.changed[job] == nil {
		n.changed[job] = make(chan struct{})
	}
	return n.changed[job], n.heard
}

func (n *news) tell(job string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.changed[job]; c != nil {
		close(c)
		delete(n.changed, job)
	}
}

// tellAll wakes everybody, and says whether from now on somebody listens.
func (n *news) tellAll(heard bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.changed {
		close(c)
	}
	clear(n.changed)
	n.heard = heard
}
