package process

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"seatrial/harness/app"
	"seatrial/harness/app/inside"
	"seatrial/harness/app/loaded"
	"seatrial/harness/tree"
	"seatrial/recipes"
)

// deployed is one release as it was put on this machine.
type deployed struct {
	release  app.Release
	dir      string // of its files, within the run's folder
	pristine string // of an untouched copy, as it was built, within the run's folder
	procfile procfile
	manifest loaded.Manifest
}

// prepare copies a release's files and builds them. A release that was built
// before is taken from the copy that was kept then.
func (a *App) prepare(ctx context.Context, r app.Release) (*deployed, error) {
	p, err := readProcfile(r.Dir)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	a.number++
	d := &deployed{release: r, procfile: p, dir: filepath.Join("releases", strconv.Itoa(a.number)), pristine: filepath.Join("pristine", contentKey(r))}
	a.mu.Unlock()
	if _, err := os.Stat(a.path(d.pristine)); err == nil {
		return d, a.copyRelease(a.path(d.pristine), d)
	}
	if err := a.copyRelease(r.Dir, d); err != nil {
		return nil, err
	}
	if err := a.build(ctx, d); err != nil {
		return nil, err
	}
	half := a.path(d.pristine) + ".new"
	err = tree.Remove(half)
	if err == nil {
		_, err = inside.Copy(a.path(d.dir), half, nil)
	}
	if err == nil {
		err = os.Rename(half, a.path(d.pristine))
	}
	if err != nil {
		return nil, fmt.Errorf("cannot keep a copy of what was built: %w", err)
	}
	return d, nil
}

// contentKey is the same for releases of the same content.
func contentKey(r app.Release) string {
	key := cmp.Or(r.Tree, r.Dir+"\x00"+r.Commit)
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:8])
}

func (a *App) copyRelease(from string, d *deployed) error {
	to := a.path(d.dir)
	owner := inside.Owner{UID: os.Geteuid(), GID: os.Getegid()}
	if a.cfg.Isolate {
		owner = inside.Owner{UID: a.cfg.UID, GID: a.cfg.UID}
	}
	notKept, err := inside.Copy(from, to, &owner)
	if err == nil {
		err = os.Chmod(to, 0o755)
	}
	if err != nil {
		return fmt.Errorf("cannot copy the release %s: %w", d.release.Name, err)
	}
	for _, line := range notKept {
		a.log("build", "of the release's files, "+line)
	}
	return nil
}

// build runs the enrolment's build command in the release's folder.
func (a *App) build(ctx context.Context, d *deployed) error {
	b := a.cfg.Enrolment.Build
	if b.Command.IsZero() {
		return nil
	}
	env, err := a.ensureCache()
	if err != nil {
		return err
	}
	return a.step(ctx, stepOf{
		name:    "build",
		source:  "build",
		command: b.Command,
		view:    view{release: d.dir, home: "build-home", tmp: "build-tmp", cache: a.cfg.Cache},
		group:   groupBuild,
		limit:   orDefault(b.Timeout, defaultBuild),
		env:     append(env, a.cfg.BuildEnv...),
		network: b.Network,
	})
}

// ensureCache makes the folder for the build's caches and says where the build finds
// it.
func (a *App) ensureCache() (env []string, err error) {
	if a.cfg.Cache == "" {
		return nil, nil
	}
	err = os.Mkdir(a.cfg.Cache, 0o700)
	if err == nil {
		err = a.give(a.cfg.Cache)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("cannot make the folder for the build's caches: %w", err)
	}
	seen := a.cfg.Cache
	if a.cfg.Isolate {
		seen = insideCache
	}
	return []string{"XDG_CACHE_HOME=" + seen}, nil
}

// RemoveCache removes a Config's Cache, whatever builds made of it. What is not
// there is removed.
func RemoveCache(dir string) error {
	if err := tree.Remove(dir); err != nil {
		return fmt.Errorf("cannot remove the build's caches: %w", err)
	}
	return nil
}

// stepOf is a command of the recipe's that must end well before the app starts.
type stepOf struct {
	name, source string
	command      recipes.CommandLine
	view         view
	group        string
	limit        time.Duration
	env          []string
	network      bool
}

// step runs one in a supervisor of its own: what it leaves running is killed.
func (a *App) step(ctx context.Context, what stepOf) error {
	for _, dir := range []string{what.view.tmp} {
		if err := a.freshen(dir); err != nil {
			return err
		}
	}
	g, err := a.group(what.group)
	if err != nil {
		return err
	}
	in := &instance{group: g, before: g.hits(), view: what.view}
	if in.supervisor, err = a.startSupervisor(ctx, what.view, g); err != nil {
		return err
	}
	defer in.supervisor.close()
	env := what.env
	if what.network && a.cfg.Isolate {
		proxy, err := a.startProxy(in.supervisor.network)
		if err != nil {
			return err
		}
		defer proxy.close()
		env = append(env[:len(env):len(env)], proxy.environment()...)
	}
	limited, cancel := context.WithTimeout(ctx, what.limit)
	defer cancel()
	result, err := a.runCommand(limited, in, command{
		source: what.source, args: argsOf(what.command), env: env, service: what.source,
	})
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("cannot finish the %s: %w", what.name, ctx.Err())
	case limited.Err() != nil:
		return &app.Fault{
			Summary:  fmt.Sprintf("the %s did not end within %v", what.name, what.limit),
			Evidence: result.tail,
		}
	case err != nil:
		return in.blame("the "+what.name, fmt.Errorf("cannot run the %s: %w", what.name, err))
	case result.exit.Code == 0 && result.exit.Signal == 0:
		return nil
	}
	f := &app.Fault{Evidence: result.tail}
	if limit := in.exceeded(); limit != "" {
		f.Summary = fmt.Sprintf("the %s %s", what.name, limit)
	} else if result.exit.Signal != 0 {
		f.Summary = fmt.Sprintf("the %s was ended by signal %d (%s)", what.name, result.exit.Signal, unix.SignalName(unix.Signal(result.exit.Signal)))
	} else {
		f.Summary = fmt.Sprintf("the %s exited with code %d: %s", what.name, result.exit.Code, strings.TrimPrefix(what.command.String(), "exec "))
	}
	return f
}

func argsOf(c recipes.CommandLine) []string {
	if c.Shell != "" {
		return []string{"/bin/sh", "-c", c.Shell}
	}
	return c.Args
}

func bytesText(n int64) string { return recipes.ByteSize(n).String() }
