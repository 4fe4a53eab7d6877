// Command engine starts a Docker Engine of its own, in swarm mode, with the registry of
// .cache/registry, and stops it again.
//
//	dev/docker/run [--write] [COMMAND...]
//
// The command runs in the engine's network with DOCKER_HOST set, and the engine lives as
// long as it does; without one, until it is interrupted. --write lets it push images.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"seatrial/harness/app/swarm/swarmtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended):
		os.Exit(max(ended.ExitCode(), 1))
	case err != nil:
		fmt.Fprintln(os.Stderr, "dev/docker/run:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	o := swarmtest.Options{}
	if len(args) > 0 && args[0] == "--write" {
		o.Writable, args = true, args[1:]
		o.Registry = filepath.Join(".cache", "registry")
		if err := os.MkdirAll(o.Registry, 0o755); err != nil {
			return err
		}
	} else if o.Registry, err = swarmtest.Find(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("/tmp", "docker-")
	if err != nil {
		return err
	}
	e, err := swarmtest.Start(ctx, dir, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Stop()) }()
	if len(args) == 0 {
		fmt.Printf("export DOCKER_HOST=%s\n# its network: nsenter --net=%s COMMAND\n# Ctrl-C ends it\n", e.Host, e.NetNS())
		<-ctx.Done()
		return nil
	}
	cmd := e.Command(ctx, args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}
