package swarm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"seatrial/harness/app"
)

// Dial implements app.Dialer. It goes the way that Traefik would: to the main service's
// address in the network that it shares with Traefik, at the port that its labels name.
// An app that listens to nothing but its own loopback is not reached so. The connection
// is made from within the container's network, which nobody else sees.
func (a *App) Dial(ctx context.Context) (net.Conn, error) {
	d, _ := a.state()
	id, err := a.containerOf(ctx, "")
	if err != nil {
		return nil, err
	}
	c, err := a.inspect(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("cannot reach the app: %w", err)
	}
	if c.State == nil || c.State.Pid == 0 || c.NetworkSettings == nil {
		return nil, app.ErrNotRunning
	}
	port, err := a.port(ctx, d)
	if err != nil {
		return nil, err
	}
	address := ""
	for name, n := range c.NetworkSettings.Networks {
		if n == nil || !n.IPAddress.IsValid() {
			continue
		}
		// Any of its networks, but rather the one of Traefik.
		if address == "" || name == a.routeNetwork(d) {
			address = n.IPAddress.String()
		}
	}
	if address == "" {
		return nil, &app.Fault{Summary: fmt.Sprintf("%s is in no network, so nobody can reach it", d.recipe.Main)}
	}
	conn, err := dialWithin(ctx, c.State.Pid, net.JoinHostPort(address, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("cannot reach the app: %w", err)
	}
	return conn, nil
}

// routeNetwork is the engine's name of the network in which Traefik would look for the app.
func (a *App) routeNetwork(d *deployed) string {
	name := proxyNetwork
	if r := d.main().Route; r != nil && r.Network != "" {
		name = r.Network
	}
	for _, n := range d.recipe.Networks {
		switch {
		case n.Name != name && n.Full != name:
		case n.External && n.Full == proxyNetwork && a.cfg.Network != "":
			return a.cfg.Network
		case n.External && n.Full == proxyNetwork:
			return ProxyName(a.cfg.Label)
		default:
			return n.Full
		}
	}
	return ProxyName(a.cfg.Label)
}

// port is where the app listens: what Traefik is told, or the one port that its image
// exposes.
func (a *App) port(ctx context.Context, d *deployed) (int, error) {
	main := d.main()
	if r := main.Route; r != nil && r.Port != 0 {
		return r.Port, nil
	}
	image := cmp.Or(d.pinned[main.Name], main.Image)
	answer, err := a.cfg.Engine.ImageInspect(ctx, image)
	if err != nil {
		return 0, fmt.Errorf("cannot tell where the app listens: %w", err)
	}
	var ports []int
	if answer.Config != nil {
		for spec := range answer.Config.ExposedPorts {
			var n int
			if _, err := fmt.Sscanf(spec, "%d", &n); err == nil {
				ports = append(ports, n)
			}
		}
	}
	slices.Sort(ports)
	if len(ports) != 1 {
		return 0, &app.Fault{
			Summary: fmt.Sprintf("nobody says at which port %s listens", main.Name),
			Hint:    "set the label traefik.http.services.${STACK_NAME}.loadbalancer.server.port under deploy.labels",
		}
	}
	return ports[0], nil
}

// dialWithin connects from within a process's network.
func dialWithin(ctx context.Context, pid int, address string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread()
		conn, back, err := dialOnThread(ctx, pid, address)
		if back {
			runtime.UnlockOSThread() // else the thread ends with this goroutine
		}
		done <- result{conn, err}
	}()
	r := <-done
	return r.conn, r.err
}

// dialOnThread connects on a thread of its own; back says that the thread is in its own
// network again. https://man7.org/linux/man-pages/man2/setns.2.html
func dialOnThread(ctx context.Context, pid int, address string) (conn net.Conn, back bool, err error) {
	ours, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, true, err
	}
	defer ours.Close()
	theirs, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, true, err
	}
	defer theirs.Close()
	if err := unix.Setns(int(theirs.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, true, fmt.Errorf("cannot enter the network of process %d: %w", pid, err)
	}
	// One address of one family: the socket is made on this very thread.
	conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if home := unix.Setns(int(ours.Fd()), unix.CLONE_NEWNET); home != nil {
		if conn != nil {
			conn.Close()
		}
		return nil, false, errors.Join(err, home)
	}
	return conn, true, err
}
