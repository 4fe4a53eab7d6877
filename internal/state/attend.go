package state

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"seatrial/internal/exit"
)

// attendedDir holds a file for each run that a program performs by itself, locked while
// the program lives. The kernel unlocks it however the program ends.
const attendedDir = "attended"

// Attend says that this program answers for what carries the instance's name, until
// release is called or the program ends.
func (f Folder) Attend(instance string) (release func(), err error) {
	dir, err := f.Own(attendedDir)
	if err != nil {
		return nil, err
	}
	name := filepath.Join(dir, instance)
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX)
	}
	if err != nil {
		file.Close()
		return nil, exit.Errorf(exit.Configuration, "cannot use the state folder: %w (choose another with --state)", err)
	}
	return func() {
		_ = os.Remove(name)
		file.Close()
	}, nil
}

// Abandoned says that a program of this state folder answered for the instance and has
// ended without taking its things along.
func (f Folder) Abandoned(instance string) bool {
	if !instanceForm.MatchString(instance) {
		return false
	}
	file, err := os.OpenFile(filepath.Join(f.Path(attendedDir), instance), os.O_RDONLY, 0)
	if err != nil {
		return false
	}
	defer file.Close()
	return unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB) == nil
}

// ForgetAbandoned removes what was written of programs that have ended, once nothing of
// theirs is left.
func (f Folder) ForgetAbandoned() {
	entries, _ := os.ReadDir(f.Path(attendedDir))
	for _, e := range entries {
		if f.Abandoned(e.Name()) {
			_ = os.Remove(filepath.Join(f.Path(attendedDir), e.Name()))
		}
	}
}
