package swarmtest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// NetNS is the file by which the engine's network namespace is entered.
func (e *Engine) NetNS() string { return fmt.Sprintf("/proc/%d/ns/net", e.holder.pid()) }

// inside is a command in both of the engine's namespaces.
func (e *Engine) inside(name string, args ...string) *exec.Cmd {
	mounts := fmt.Sprintf("--mount=/proc/%d/ns/mnt", e.holder.pid())
	return exec.Command("nsenter", append([]string{"--net=" + e.NetNS(), mounts, "--", name}, args...)...)
}

// Command is a command in the engine's network, with the files of the machine: for
// programs that talk to services, such as the whole of seatrial.
func (e *Engine) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"--net=" + e.NetNS(), "--", name}, args...)...)
	cmd.Env = append(os.Environ(), e.Environment()...)
	return cmd
}

// Dial connects to an address in the engine's network, whose host must be an IP address.
func (e *Engine) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var conn net.Conn
	err := e.within(func() (err error) {
		conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Listen listens in the engine's network, so that its services can reach this process.
func (e *Engine) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	var l net.Listener
	err := e.within(func() (err error) {
		l, err = (&net.ListenConfig{}).Listen(ctx, network, address)
		return err
	})
	return l, err
}

// within does something in the engine's network, on a thread that ends with it.
func (e *Engine) within(do func() error) error {
	ns, err := os.Open(e.NetNS())
	if err != nil {
		return fmt.Errorf("cannot enter the engine's network: %w", err)
	}
	defer ns.Close()
	done := make(chan error, 1)
	go func() {
		// It stays locked: the runtime ends a thread whose goroutine ends so.
		runtime.LockOSThread()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("cannot enter the engine's network: %w", err)
			return
		}
		done <- do()
	}()
	return <-done
}
