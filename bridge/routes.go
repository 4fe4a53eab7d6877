package bridge

import (
	"sync"

	"seatrial/harness/run"
)

// Routes learns where apps can be reached while they live. The gateway implements it.
type Routes interface {
	Set(label, addr string)
	Remove(label string)
}

// routeTable remembers which routes were set.
type routeTable struct {
	to     Routes // may be nil
	mu     sync.Mutex
	labels map[run.ID]string
}

// set makes the app of a running run reachable. The label is computed from the run, not
// taken from its events.
func (t *routeTable) set(r run.Report) {
	if t.to == nil || r.State != run.Running || r.Started == nil || r.Started.Gateway == "" {
		return
	}
	addr := r.Started.Gateway
	if r.Started.GatewayTLS {
		addr = "https://" + addr
	}
	label := r.Request.ID.Label(r.Request.Recipe)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.labels[r.Request.ID] = label
	t.to.Set(label, addr)
}

func (t *routeTable) remove(id run.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if label, ok := t.labels[id]; ok {
		delete(t.labels, id)
		t.to.Remove(label)
	}
}
