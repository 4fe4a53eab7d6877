package inside

import (
	"fmt"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// confine makes root all that this process can see from now on, and gives up its
// privileges for those of a user. Links that an app has made then lead nowhere but to
// the app's own files, whoever wins a race for them.
func confine(root, uid, gid string) error {
	user, err := strconv.Atoi(uid)
	if err != nil {
		return fmt.Errorf("cannot become another user: %q is not a number", uid)
	}
	group, err := strconv.Atoi(gid)
	if err != nil {
		return fmt.Errorf("cannot become another user: %q is not the number of a group", gid)
	}
	if err := enter(root); err != nil {
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

// enter makes a folder the root, seen through a mount of its own: on it a device node, which
// a container's root may have made, opens no device of this machine.
func enter(root string) error {
	fd, err := unix.OpenTree(unix.AT_FDCWD, root, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err == nil {
		defer unix.Close(fd)
		attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC}
		if err = unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &attr); err == nil {
			if err = unix.Fchdir(fd); err == nil {
				return unix.Chroot(".")
			}
		}
	}
	// Linux before 5.12 knows no such mounts, and none is made of what lies in another
	// mount namespace, such as a container's root.
	if err != unix.ENOSYS && err != unix.EINVAL {
		return err
	}
	if err := unix.Chroot(root); err != nil {
		return err
	}
	return unix.Chdir("/")
}

// Confined are the arguments that run a tool in a folder as its user. Paths among the
// tool's own arguments are then as seen from there.
func Confined(root string, uid, gid int, tool ...string) []string {
	return append([]string{"confined", root, strconv.Itoa(uid), strconv.Itoa(gid)}, tool...)
}
