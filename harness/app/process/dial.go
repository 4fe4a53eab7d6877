package process

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"seatrial/harness/app"
)

// Dial implements app.Dialer. The app may listen on either of loopback's addresses.
func (a *App) Dial(ctx context.Context) (net.Conn, error) {
	in := a.instance()
	if in == nil {
		return nil, app.ErrNotRunning
	}
	var errs error
	for _, host := range []string{"127.0.0.1", "::1"} {
		address := net.JoinHostPort(host, strconv.Itoa(in.port))
		var conn net.Conn
		err := within(in.supervisor.network, func() (err error) {
			conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", address)
			return err
		})
		if err == nil {
			return conn, nil
		}
		errs = errors.Join(errs, err)
	}
	return nil, fmt.Errorf("cannot reach the app: %w", errs)
}

// within does something in a network namespace, or plainly where there is none.
// A socket belongs to the namespace in which it was made, so it may be used
// anywhere afterwards. What do does must not start another goroutine.
func within(network *os.File, do func() error) error {
	if network == nil {
		return do()
	}
	result := make(chan error, 1)
	go func() {
		// Never unlocked: the thread is changed for good and ends with this goroutine.
		runtime.LockOSThread()
		raw, err := network.SyscallConn()
		if err != nil {
			result <- err
			return
		}
		var entered error
		if err := raw.Control(func(fd uintptr) { entered = unix.Setns(int(fd), unix.CLONE_NEWNET) }); err != nil {
			result <- err
			return
		}
		if entered != nil {
			result <- fmt.Errorf("cannot enter the app's network: %w", entered)
			return
		}
		result <- do()
	}()
	return <-result
}

// choosePort finds where the app is to listen: each time somewhere else, so that one that
// does not look at $PORT is not found.
func (a *App) choosePort() (int, error) {
	if a.cfg.Isolate {
		// It is alone in its network. Above lie the ports that the kernel gives out by itself.
		const first, last = 20000, 32000
		return first + rand.IntN(last-first), nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("cannot find a free port: %w", err)
	}
	defer l.Close()
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.New("cannot find a free port")
	}
	return address.Port, nil
}
