package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"seatrial/harness/run"
	"seatrial/harness/tree"
	"seatrial/internal/lazyregexp"
)

const labelsFile = "labels.json"

// folderName is the name of a run's folder. It says whose it is even where
// labels.json cannot be read.
func folderName(l run.Labels) string {
	return string(l.Run) + "-" + strconv.Itoa(l.Attempt)
}

// A folder that is being made starts with a dot until its labels lie in it.
var folderForm = lazyregexp.New(`^(\.)?([0-9a-z]{26})-([0-9]+)(\.new)?$`)

// parseFolder reads a run's folder name.
func parseFolder(name string) (run.Labels, bool) {
	m := folderForm.FindStringSubmatch(name)
	if m == nil || (m[1] == "") != (m[4] == "") {
		return run.Labels{}, false
	}
	id, err := run.ParseID(m[2])
	if err != nil {
		return run.Labels{}, false
	}
	attempt, err := strconv.Atoi(m[3])
	if err != nil {
		return run.Labels{}, false
	}
	return run.Labels{Run: id, Attempt: attempt}, true
}

func (a *App) path(elem ...string) string {
	return filepath.Join(append([]string{a.dir}, elem...)...)
}

func (a *App) volumeDir(name string) string { return a.path("volumes", name) }

// ensureFolders makes the run's folder, labels first, and what must lie in it.
func (a *App) ensureFolders() error {
	if err := a.ensureLabelled(); err != nil {
		return fmt.Errorf("cannot make the app's folder: %w", err)
	}
	for _, dir := range []string{"releases", "pristine", "volumes"} {
		if err := os.MkdirAll(a.path(dir), 0o700); err != nil {
			return fmt.Errorf("cannot make the app's folders: %w", err)
		}
	}
	// The tools see all releases side by side. Nobody else can come as far as here.
	if err := os.Chmod(a.path("releases"), 0o711); err != nil {
		return fmt.Errorf("cannot make the app's folders: %w", err)
	}
	own := []string{"home", "tmp", "build-home", "build-tmp"}
	for _, volume := range a.cfg.Enrolment.Volumes {
		own = append(own, filepath.Join("volumes", volume))
	}
	for _, dir := range own {
		if err := a.ensureOwn(dir); err != nil {
			return fmt.Errorf("cannot make the app's folders: %w", err)
		}
	}
	return a.writeEtc()
}

func (a *App) ensureLabelled() error {
	if _, err := os.Stat(a.path(labelsFile)); err == nil {
		return nil
	}
	if err := os.MkdirAll(a.cfg.WorkRoot, 0o700); err != nil {
		return err
	}
	half := a.halfMade()
	if err := tree.Remove(half); err != nil {
		return err
	}
	if err := os.Mkdir(half, 0o700); err != nil {
		return err
	}
	labels, err := json.MarshalIndent(a.cfg.Labels, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(half, labelsFile), append(labels, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(half, a.dir)
}

// halfMade is the folder's name until it has its labels.
func (a *App) halfMade() string {
	return filepath.Join(a.cfg.WorkRoot, "."+filepath.Base(a.dir)+".new")
}

// ensureOwn makes a folder that belongs to the app's user.
func (a *App) ensureOwn(dir string) error {
	if err := os.Mkdir(a.path(dir), 0o700); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	}
	return a.give(a.path(dir))
}

// give makes the app's user the owner of one thing, without following a link.
func (a *App) give(name string) error {
	if !a.cfg.Isolate {
		return nil
	}
	return os.Lchown(name, a.cfg.UID, a.cfg.UID)
}

// freshen empties a folder of the app's: what lay in it does not outlive a stop.
func (a *App) freshen(dir string) error {
	if err := tree.Remove(a.path(dir)); err != nil {
		return fmt.Errorf("cannot empty %s: %w", dir, err)
	}
	return a.ensureOwn(dir)
}

// writeEtc writes the few files of /etc that the sandbox has of its own.
func (a *App) writeEtc() error {
	if !a.cfg.Isolate {
		return nil
	}
	if err := os.MkdirAll(a.path("etc"), 0o755); err != nil {
		return fmt.Errorf("cannot make the sandbox's /etc: %w", err)
	}
	uid := strconv.Itoa(a.cfg.UID)
	for name, content := range map[string]string{
		"passwd":        "root:x:0:0::/:/bin/false\napp:x:" + uid + ":" + uid + "::" + insideHome + ":/bin/sh\n",
		"group":         "root:x:0:\napp:x:" + uid + ":\n",
		"hosts":         "127.0.0.1 localhost\n::1 localhost\n",
		"nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
		"resolv.conf":   "# no name can be resolved here\n",
	} {
		if err := os.WriteFile(a.path("etc", name), []byte(content), 0o644); err != nil {
			return fmt.Errorf("cannot write the sandbox's /etc/%s: %w", name, err)
		}
	}
	return nil
}
