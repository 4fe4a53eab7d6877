package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"seatrial/harness/run"
)

// CheckIsolation is nil if this machine can isolate an app from itself. Otherwise
// the error says what is missing and what to do.
func CheckIsolation() error {
	if err := canIsolate(); err != nil {
		return fmt.Errorf("cannot isolate apps on this machine: %w. "+
			"Either put that right, or let the enrolment say that the recipe's code is trusted (trusted.code: true)", err)
	}
	return nil
}

func canIsolate() error {
	if os.Geteuid() != 0 {
		return errors.New("it requires root to start apps as another user; run this program as root")
	}
	if _, err := filter(); err != nil {
		return err
	}
	bwrap, err := exec.LookPath("bwrap")
	if err != nil {
		return errors.New("the program bwrap is missing; install bubblewrap")
	}
	if err := tryNamespaces(bwrap); err != nil {
		return err
	}
	return tryGroup()
}

func tryNamespaces(bwrap string) error {
	const limit = 20 * time.Second // milliseconds, on a machine that is not busy
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := append([]string{
		"--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--as-pid-1",
		"--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--proc", "/proc", "--dev", "/dev",
	}, systemArgs()...)
	cmd := exec.CommandContext(ctx, bwrap, append(args, "--ro-bind", self, insideBinary, "--", insideBinary)...)
	cmd.Env = []string{innerEnv + "=" + innerNothing}
	cmd.Dir = "/"
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("bwrap cannot make process, mount and network namespaces here (%w: %s); "+
			"a container must be started with the right to (CAP_SYS_ADMIN), a kernel needs PID_NS and NET_NS", err, strings.TrimSpace(string(said)))
	}
	return nil
}

// tryGroup makes a cgroup like a run's and removes it.
func tryGroup() error {
	probe := run.Labels{Instance: "probe", Run: run.ID(strings.ToLower(ulid.Make().String())), Expires: time.Now()}
	g, err := newGroup(groupName(probe, "probe"), limits{memory: 64 << 20, processes: 16, cpus: 1})
	if err != nil {
		return fmt.Errorf("%w; mount the cgroup file systems writable below %s, with the controllers memory, pids and cpu", err, cgroupRoot)
	}
	return removeGroup(g.name)
}
