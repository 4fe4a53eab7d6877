package nomad

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/app"
	"seatrial/harness/cluster"
)

// Dial implements app.Dialer. The app's own port is the one labelled http, else the
// first of the main group.
func (a *App) Dial(ctx context.Context) (net.Conn, error) {
	_, up := a.state()
	if up == nil {
		return nil, app.ErrNotRunning
	}
	address, err := a.address(ctx, up)
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot reach the app: %w", err)
	}
	return conn, nil
}

func (a *App) address(ctx context.Context, up *instance) (string, error) {
	if at := up.address.Load(); at != nil {
		return *at, nil
	}
	s, err := a.mainAllocation(ctx, up)
	if err != nil {
		return "", err
	}
	alloc, _, err := a.cfg.Client.Allocations().Info(s.ID, a.query(ctx))
	if err != nil {
		return "", cluster.Explain("ask where the app listens", err)
	}
	port, ok := mainPort(alloc)
	if !ok {
		return "", &app.Fault{
			Summary: fmt.Sprintf("group %s has no port at which the app could be reached", up.main.group),
			Hint:    `add network { port "http" {} } to the group, and let the app listen on ${NOMAD_PORT_http}`,
		}
	}
	at := net.JoinHostPort(port.HostIP, strconv.Itoa(port.Value))
	up.address.Store(&at)
	return at, nil
}

func mainPort(alloc *api.Allocation) (api.PortMapping, bool) {
	if alloc.AllocatedResources == nil || len(alloc.AllocatedResources.Shared.Ports) == 0 {
		return api.PortMapping{}, false
	}
	ports := alloc.AllocatedResources.Shared.Ports
	for _, p := range ports {
		if p.Label == portHTTP {
			return p, true
		}
	}
	return ports[0], true
}

// mainAllocation is the first that runs of the main group, or has not begun to.
func (a *App) mainAllocation(ctx context.Context, up *instance) (*api.AllocationListStub, error) {
	return a.allocationOf(ctx, up, up.main.group)
}

func (a *App) allocationOf(ctx context.Context, up *instance, group string) (*api.AllocationListStub, error) {
	own, err := a.allocations(ctx, up)
	if err != nil {
		return nil, err
	}
	for _, s := range own {
		if s.TaskGroup == group && !endedStatus(s) {
			return s, nil
		}
	}
	return nil, app.ErrNotRunning
}
