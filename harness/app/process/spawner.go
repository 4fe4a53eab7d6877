package process

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// spawner is the one thread that starts processes. In a sandbox it gives up what
// the supervisor was left with, all but the right to become the app's user, so that
// no child can get any of it back: neither from its bounding set nor by inheritance.
func (s *supervisorState) spawner(ready chan<- error) {
	runtime.LockOSThread() // and never unlocked: the thread is not fit for anything else
	if s.isolated {
		if err := dropPrivileges(); err != nil {
			ready <- err
			return
		}
	}
	ready <- nil
	for spawn := range s.spawns {
		spawn()
	}
}

// dropPrivileges changes the calling thread alone.
func dropPrivileges() error {
	for c := uintptr(0); ; c++ {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if err == unix.EINVAL {
			break // the kernel knows no capability of this number
		}
		if err != nil {
			return fmt.Errorf("cannot drop capability %d: %w", c, err)
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot drop ambient capabilities: %w", err)
	}
	const keep = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{{Effective: keep, Permitted: keep}}
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("cannot drop capabilities: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot forbid new privileges: %w", err)
	}
	return nil
}
