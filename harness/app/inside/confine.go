package inside

import (
	"fmt"
	"strconv"
	"syscall"
)

// confine makes root all that this process can see from now on, and gives up its
// privileges for those of a user. Links that an app has made then lead nowhere but to
// the app's own files, whoever wins a race for them.
func confine(root, uid, gid string) error {
	user, err := strconv.Atoi(uid)
	if err != nil {
		return fmt.Errorf("cannot become another user: %q is no number", uid)
	}
	group, err := strconv.Atoi(gid)
	if err != nil {
		return fmt.Errorf("cannot become another user: %q is no group's number", gid)
	}
	if err := syscall.Chroot(root); err != nil {
		return fmt.Errorf("cannot go into %s: %w", root, err)
	}
	if err := syscall.Chdir("/"); err != nil {
		return fmt.Errorf("cannot go into %s: %w", root, err)
	}
	if err := syscall.Setgroups(nil); err != nil {
		return fmt.Errorf("cannot become user %d: %w", user, err)
	}
	if err := syscall.Setgid(group); err != nil {
		return fmt.Errorf("cannot become user %d: %w", user, err)
	}
	if err := syscall.Setuid(user); err != nil {
		return fmt.Errorf("cannot become user %d: %w", user, err)
	}
	return nil
}

// Confined are the arguments that run a tool in a folder as its user. Paths among the
// tool's own arguments are then as seen from there.
func Confined(root string, uid, gid int, tool ...string) []string {
	return append([]string{"confined", root, strconv.Itoa(uid), strconv.Itoa(gid)}, tool...)
}
