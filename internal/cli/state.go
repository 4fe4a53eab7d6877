package cli

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// What lies in the state folder.
const (
	journalFile  = "journal.db"
	instanceFile = "instance"
	lockFile     = "serve.lock"
	addressFile  = "address"     // of the server, for programs on its machine
	tokensFile   = "tokens.json" // that programs and repositories ask for runs with, hashed
	runsDir      = "runs"        // a folder a run: job, events, log, results
	workDir      = "work"        // what runs deploy; the only part that an app's user passes through
	privateDir   = "private"     // copies of private repositories, which the bridge makes with its token
	mirrorsDir   = "mirrors"     // caches of the recipes' repositories
	scratchDir   = "scratch"     // of the bridge, emptied at its start
	vaultDir     = "vault"       // snapshots, while a run lives
	bootsDir     = "boots"       // how long recipes' apps took to start
	cacheDir     = "cache"       // of its builds, while a run lives: never another's
)

// instance is the name of this installation. It is drawn once.
func (g Globals) instance() (string, error) {
	root, err := g.stateDir(".", 0o711)
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, instanceFile)
	if b, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(b)) != "" {
		return strings.TrimSpace(string(b)), nil
	}
	name := newInstance("")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return g.instance() // somebody else was quicker
	}
	if err == nil {
		_, err = fmt.Fprintln(f, name)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return "", exitWith(exitConfiguration, fmt.Errorf("cannot use the state folder: %w (choose another with --state)", err))
	}
	return name, nil
}

func newInstance(prefix string) string {
	b := make([]byte, 6)
	rand.Read(b)
	return prefix + hex.EncodeToString(b)
}

// lock keeps a second server away from the state folder. It is held until the
// process ends.
func (g Globals) lock() (release func(), err error) {
	path := filepath.Join(g.State, lockFile)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, exitWith(exitConfiguration, fmt.Errorf("cannot use the state folder: %w (choose another with --state)", err))
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, exitWith(exitUnavailable, fmt.Errorf("another seatrial serve uses the state folder %s: stop it, or choose another with --state", g.State))
	}
	return func() { f.Close() }, nil
}

// leastSpace is what a folder's disk must have free before a run begins.
const leastSpace = 512 << 20

// checkSpace is an error that says how much is missing.
func checkSpace(dir string) error {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return fmt.Errorf("cannot see how much space is free in %s: %w", dir, err)
	}
	if free := stat.Bavail * uint64(stat.Bsize); free < leastSpace {
		return fmt.Errorf("only %d MiB are free in %s, a run needs at least %d: free some, or choose another folder with --state", free>>20, dir, leastSpace>>20)
	}
	return nil
}
