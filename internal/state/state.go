// Package state is the state folder: what of an installation outlives its process.
//
// It knows the names of everything that lies there, and makes folders with the modes
// that isolation needs. Every error is a sentence that names what lies there and says
// what to do; it carries an exit code. What a file holds is other packages' business,
// but for the few lines that are the installation's own: its name and its address.
package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"seatrial/internal/exit"
)

// What lies in the state folder.
const (
	JournalFile  = "journal.db"
	instanceFile = "instance"
	lockFile     = "serve.lock"
	addressFile  = "address"     // of the server, for programs on its machine
	TokensFile   = "tokens.json" // that programs and repositories ask for runs with, hashed
	RunsDir      = "runs"        // a folder a run: job, events, log, results
	WorkDir      = "work"        // what runs deploy; the only part that an app's user passes through
	PrivateDir   = "private"     // copies of private repositories, which the bridge makes with its token
	MirrorsDir   = "mirrors"     // caches of the recipes' repositories
	ScratchDir   = "scratch"     // of the bridge, emptied at its start
	BootsDir     = "boots"       // how long recipes' apps took to start
	WebhookDir   = "webhook"     // a file a forge: its webhooks' secrets, one a line, the newest first
	AttemptsDir  = "attempts"    // on a cluster's node, a record of each attempt that it was given
	ProgramsDir  = "programs"    // the program as servers run it, for their harnesses
)

// Folder is the path of a state folder. Nothing is made before it is asked for.
type Folder string

// Path is where a thing of the folder lies, or would lie.
func (f Folder) Path(name string) string { return filepath.Join(string(f), name) }

// Dir makes a folder of the state folder, and the state folder itself, and returns its
// absolute path.
func (f Folder) Dir(name string, mode os.FileMode) (string, error) {
	root, err := f.Root()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, name)
	if err := os.MkdirAll(dir, mode); err != nil {
		return "", unusable(err)
	}
	return dir, nil
}

// Root makes the state folder and returns its absolute path. Others may pass through,
// so that an app's user reaches the folders that are its own; they may not list.
func (f Folder) Root() (string, error) {
	root, err := filepath.Abs(string(f))
	if err == nil {
		err = os.MkdirAll(root, 0o711)
	}
	if err != nil {
		return "", unusable(err)
	}
	return root, nil
}

// Work makes the folder in which runs deploy: an app's user passes through it.
func (f Folder) Work() (string, error) { return f.Dir(WorkDir, 0o711) }

// Own makes a folder that only we can read.
func (f Folder) Own(name string) (string, error) { return f.Dir(name, 0o700) }

// Lock keeps a second server away from the state folder. It is held until release is
// called, or the process ends.
func (f Folder) Lock() (release func(), err error) {
	file, err := os.OpenFile(f.Path(lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, exit.Errorf(exit.Configuration, "cannot lock the state folder: %w (remove what lies there, or choose another folder with --state)", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		return nil, exit.Errorf(exit.Unavailable, "another seatrial serve uses the state folder %s: stop it, or choose another with --state", f)
	}
	return func() { file.Close() }, nil
}

// Exists says whether something of this name lies there.
func (f Folder) Exists(name string) bool {
	_, err := os.Stat(f.Path(name))
	return !errors.Is(err, fs.ErrNotExist)
}

// Unusable says of an error about something in the state folder what to do.
func unusable(err error) error {
	return exit.Errorf(exit.Configuration, "cannot use the state folder: %w (choose another with --state)", err)
}

// leastSpace is what a folder's disk must have free before a run begins.
const leastSpace = 512 << 20

// CheckSpace is an error that says how much is missing.
func CheckSpace(dir string) error {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return fmt.Errorf("cannot see how much space is free in %s: %w", dir, err)
	}
	if free := stat.Bavail * uint64(stat.Bsize); free < leastSpace {
		return fmt.Errorf("only %d MiB are free in %s, a run needs at least %d: free some, or choose another folder with --state", free>>20, dir, leastSpace>>20)
	}
	return nil
}
